"""Image-level labels on their way into a manifest: whether what a sentence names is in its image."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lexseg.cases.case import Case, Presence
from lexseg.datasets.importers.record import Findings
from lexseg.errors import ConfigError, DataError


def label_cases(cases: Sequence[Case], rule: str, findings: Findings) -> list[Case]:
    """Say of each case whether its target is there, by one word for all or by a column.

    A mask is held against it later, as in any manifest: one that shows something where nothing is there is an error.

    Args:
        cases: those imported, further columns in ``extra``.
        rule: ``yes`` or ``no`` of all of them; or ``COLUMN=VALUE[,VALUE]``: a case whose column has one of these values
            (capitals do not matter) holds nothing, one with another value holds its target, and of one whose cell is
            blank nothing is said.
        findings: where it is noted if no case has such a value.

    Raises:
        ConfigError: the rule cannot be read.
        DataError: no case has such a column.
    """
    if rule in ("yes", "no"):
        answer: Presence = "yes" if rule == "yes" else "no"
        return [replace(case, present=answer) for case in cases]
    column, equals, values = (part.strip() for part in rule.partition("="))
    nothing = {value.strip().lower() for value in values.split(",") if value.strip()}
    if not (column and equals and nothing):
        raise ConfigError(
            f"{rule!r} does not say what is there; expected yes, no, or COLUMN=VALUE with the value that means that "
            "nothing is there, such as finding=none"
        )
    if not any(column in case.extra for case in cases):
        known = ", ".join(sorted({name for case in cases for name in case.extra})) or "none"
        raise DataError(f"there is no column {column!r} to say what is present; there are {known}")
    labelled = [replace(case, present=_answer(case.extra.get(column, ""), nothing)) for case in cases]
    if not any(case.present == "no" for case in labelled):
        counts = Counter(case.extra.get(column, "").strip() for case in cases)
        held = ", ".join(f"{value!r} ({number})" for value, number in counts.most_common(5))
        findings.note("warning", f"no case has the {column} {values!r}, so all hold their target; there are {held}")
    return labelled


def _answer(value: str, nothing: set[str]) -> Presence | None:
    value = value.strip().lower()
    return None if not value else "no" if value in nothing else "yes"
