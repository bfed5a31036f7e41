"""Moved to :mod:`lexseg.language.plain`; this name goes with the next release."""

from lexseg.language.plain import ANATOMIES, in_plain_words

__all__ = ["ANATOMIES", "in_plain_words"]
