"""DD-CMD and the parts that are its own."""

from lexseg.models.ddcmd.model import DDCMD

__all__ = ["DDCMD"]
