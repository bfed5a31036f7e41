"""Moved to :mod:`lexseg.language.typos`; this name goes with the next release."""

import warnings

from lexseg.language.typos import misspell

__all__ = ["misspell"]

warnings.warn("lexseg.text.typos has moved to lexseg.language.typos", DeprecationWarning, stacklevel=2)
