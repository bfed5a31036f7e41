"""Slices with lesions, cut from NIfTI volumes that are found with their masks."""
