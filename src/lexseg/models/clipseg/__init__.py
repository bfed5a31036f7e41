"""CLIPSeg and the parts that are its own."""

from lexseg.models.clipseg.model import CLIPSeg

__all__ = ["CLIPSeg"]
