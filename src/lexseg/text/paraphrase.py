"""Moved to :mod:`lexseg.language.paraphrase`; this name goes with the next release."""

import warnings

from lexseg.language.paraphrase import paraphrase

__all__ = ["paraphrase"]

warnings.warn("lexseg.text.paraphrase has moved to lexseg.language.paraphrase", DeprecationWarning, stacklevel=2)
