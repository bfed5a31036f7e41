"""Moved to :mod:`lexseg.language.contradiction`; this name goes with the next release."""

from lexseg.language.contradiction import contradicts

__all__ = ["contradicts"]
