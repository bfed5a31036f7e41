"""NIfTI volumes: found with their masks, read the way radiologists look at them, and cut into slices."""

from lexseg.datasets.volumes.cut import CutOptions, Slice, cut_volume
from lexseg.datasets.volumes.find import Pair, Pairs, find_pairs
from lexseg.scans.nifti_volume import Volume, read_labels, read_volume
from lexseg.scans.window import PRESETS, Window, parse_window

__all__ = [
    "PRESETS",
    "CutOptions",
    "Pair",
    "Pairs",
    "Slice",
    "Volume",
    "Window",
    "cut_volume",
    "find_pairs",
    "parse_window",
    "read_labels",
    "read_volume",
]
