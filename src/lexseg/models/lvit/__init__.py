"""LViT and the parts that are its own."""

from lexseg.models.lvit.model import LViT

__all__ = ["LViT"]
