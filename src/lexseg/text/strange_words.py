"""Moved to :mod:`lexseg.language.strange_words`; this name goes with the next release."""

import warnings

from lexseg.language.lexicon import lexicon
from lexseg.language.strange_words import estrange

_STRANGE = lexicon().rows("strange.words")

__all__ = ["estrange"]

warnings.warn("lexseg.text.strange_words has moved to lexseg.language.strange_words", DeprecationWarning, stacklevel=2)
