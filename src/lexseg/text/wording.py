"""Moved to :mod:`lexseg.language.sides`; this name goes with the next release."""

from lexseg.language.sides import Axis, Convention, convert_laterality, mentions_side, mirror_words, place_words

__all__ = ["Axis", "Convention", "convert_laterality", "mentions_side", "mirror_words", "place_words"]
