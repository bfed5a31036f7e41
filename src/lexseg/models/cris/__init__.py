"""CRIS and the parts that are its own."""

from lexseg.models.cris.model import CRIS

__all__ = ["CRIS"]
