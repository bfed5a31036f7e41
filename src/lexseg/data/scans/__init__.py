"""Scans: images and volumes of every file format, frame by frame as radiologists see them."""

from lexseg.data.scans.open import open_scan, open_scans
from lexseg.data.scans.scan import Scan

__all__ = ["Scan", "open_scan", "open_scans"]
