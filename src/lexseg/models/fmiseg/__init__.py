"""FMISeg and the parts that are its own."""

from lexseg.models.fmiseg.model import FMISeg

__all__ = ["FMISeg"]
