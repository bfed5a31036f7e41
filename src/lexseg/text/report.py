"""Moved to :mod:`lexseg.language.report`; this name goes with the next release."""

import warnings

from lexseg.language.report import Finding, read_report

__all__ = ["Finding", "read_report"]

warnings.warn("lexseg.text.report has moved to lexseg.language.report", DeprecationWarning, stacklevel=2)
