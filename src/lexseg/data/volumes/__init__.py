"""NIfTI volumes: found with their masks, read the way radiologists look at them, and cut into slices."""

from lexseg.data.volumes.cut import CutOptions, Slice, cut_volume
from lexseg.data.volumes.find import Pair, Pairs, find_pairs
from lexseg.data.volumes.read import Volume, read_labels, read_volume
from lexseg.data.volumes.window import PRESETS, Window, parse_window

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
