"""Moved to :mod:`lexseg.language.paraphrase`; this name goes with the next release."""

from lexseg.language.paraphrase import paraphrase

__all__ = ["paraphrase"]
