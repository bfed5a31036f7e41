"""Moved to :mod:`lexseg.language.meaning`; this name goes with the next release."""

from lexseg.language.meaning import phrases, same_meaning

__all__ = ["phrases", "same_meaning"]
