"""Moved to :mod:`lexseg.language.foreign`; this name goes with the next release."""

from lexseg.language.foreign import looks_foreign

__all__ = ["looks_foreign"]
