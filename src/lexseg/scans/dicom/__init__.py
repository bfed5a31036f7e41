"""DICOM files as scans."""
