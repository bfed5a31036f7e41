"""Moved to :mod:`lexseg.language.places`; this name goes with the next release."""

from lexseg.language.places import Height, Place, Side, places

__all__ = ["Height", "Place", "Side", "places"]
