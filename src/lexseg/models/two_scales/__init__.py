"""DEC-Seg's network around a U-Net or an M2SNet: two scales, a decoder for each, and one that reads both.

`lexseg.training.regimes.dec_full` trains it; here are the network and its parts.
"""

from lexseg.models.two_scales.model import TwoScales

__all__ = ["TwoScales"]
