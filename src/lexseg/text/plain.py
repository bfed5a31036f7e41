"""Moved to :mod:`lexseg.language.plain`; this name goes with the next release."""

import warnings

from lexseg.language.plain import ANATOMIES, in_plain_words

__all__ = ["ANATOMIES", "in_plain_words"]

warnings.warn("lexseg.text.plain has moved to lexseg.language.plain", DeprecationWarning, stacklevel=2)
