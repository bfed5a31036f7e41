"""Moved to :mod:`lexseg.language.denial`; this name goes with the next release."""

from lexseg.language.denial import Clause, affirmed, asked_of, clauses, names_finding

__all__ = ["Clause", "affirmed", "asked_of", "clauses", "names_finding"]
