"""Moved to :mod:`lexseg.language.contradiction`; this name goes with the next release."""

import warnings

from lexseg.language.contradiction import contradicts

__all__ = ["contradicts"]

warnings.warn("lexseg.text.contradiction has moved to lexseg.language.contradiction", DeprecationWarning, stacklevel=2)
