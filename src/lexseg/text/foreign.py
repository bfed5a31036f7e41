"""Moved to :mod:`lexseg.language.foreign`; this name goes with the next release."""

import warnings

from lexseg.language.foreign import looks_foreign

__all__ = ["looks_foreign"]

warnings.warn("lexseg.text.foreign has moved to lexseg.language.foreign", DeprecationWarning, stacklevel=2)
