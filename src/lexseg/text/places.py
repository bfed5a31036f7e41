"""Moved to :mod:`lexseg.language.places`; this name goes with the next release."""

import warnings

from lexseg.language.places import Height, Place, Side, places

__all__ = ["Height", "Place", "Side", "places"]

warnings.warn("lexseg.text.places has moved to lexseg.language.places", DeprecationWarning, stacklevel=2)
