"""Moved to :mod:`lexseg.language.sides`; this name goes with the next release."""

import warnings

from lexseg.language.sides import Axis, Convention, convert_laterality, mentions_side, mirror_words, place_words

__all__ = ["Axis", "Convention", "convert_laterality", "mentions_side", "mirror_words", "place_words"]

warnings.warn("lexseg.text.wording has moved to lexseg.language.sides", DeprecationWarning, stacklevel=2)
