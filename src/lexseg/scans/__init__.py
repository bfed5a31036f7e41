"""Scans: images and volumes of every file format, frame by frame as radiologists see them."""

from lexseg.scans.open import open_scan, open_scans
from lexseg.scans.scan import Scan

__all__ = ["Scan", "open_scan", "open_scans"]
