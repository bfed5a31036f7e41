"""Moved to :mod:`lexseg.language.denial`; this name goes with the next release."""

import warnings

from lexseg.language.denial import Clause, affirmed, asked_of, clauses, names_finding

__all__ = ["Clause", "affirmed", "asked_of", "clauses", "names_finding"]

warnings.warn("lexseg.text.negation has moved to lexseg.language.denial", DeprecationWarning, stacklevel=2)
