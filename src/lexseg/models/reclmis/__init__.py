"""RecLMIS and the parts that are its own."""

from lexseg.models.reclmis.model import RecLMIS

__all__ = ["RecLMIS"]
