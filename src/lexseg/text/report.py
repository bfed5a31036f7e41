"""Moved to :mod:`lexseg.language.report`; this name goes with the next release."""

from lexseg.language.report import Finding, read_report

__all__ = ["Finding", "read_report"]
