"""A model that looks again: it hides what it found, and gates mix the maps of both looks.

`lexseg.training.regimes.correction` trains it; here are the network and its gates.
"""

from lexseg.models.corrected.model import Corrected

__all__ = ["Corrected"]
