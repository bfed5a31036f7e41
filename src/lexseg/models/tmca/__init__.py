"""TMCA and the parts that are its own."""

from lexseg.models.tmca.model import TMCA

__all__ = ["TMCA"]
