"""Moved to :mod:`lexseg.language.typos`; this name goes with the next release."""

from lexseg.language.typos import misspell

__all__ = ["misspell"]
