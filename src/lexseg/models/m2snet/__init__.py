"""M2SNet and the parts that are its own."""

from lexseg.models.m2snet.model import M2SNet

__all__ = ["M2SNet"]
