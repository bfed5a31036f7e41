"""NRRD files as scans."""
