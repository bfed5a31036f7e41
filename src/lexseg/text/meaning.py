"""Moved to :mod:`lexseg.language.meaning`; this name goes with the next release."""

import warnings

from lexseg.language.meaning import phrases, same_meaning

__all__ = ["phrases", "same_meaning"]

warnings.warn("lexseg.text.meaning has moved to lexseg.language.meaning", DeprecationWarning, stacklevel=2)
