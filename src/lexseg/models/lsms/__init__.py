"""LSMS and the parts that are its own."""

from lexseg.models.lsms.model import LSMS

__all__ = ["LSMS"]
