"""What keeps phantoms and real images apart."""

from collections.abc import Iterable

from lexseg.cases.case import Case
from lexseg.errors import DataError

COLUMN = "phantom"
"""The manifest's column; ``yes`` marks a drawn image."""


def is_phantom(case: Case) -> bool:
    """Whether the case's image is a drawn one."""
    return case.extra.get(COLUMN, "").strip().lower() in ("yes", "true", "1")


def all_phantoms(cases: Iterable[Case]) -> bool:
    """Whether the cases are phantoms (true) or real images (false).

    Raises:
        DataError: if they are both: a score over phantoms and patients together says nothing of either.
    """
    first: dict[bool, Case] = {}
    for case in cases:
        first.setdefault(is_phantom(case), case)
    if len(first) == 2:
        raise DataError(
            f"phantoms ({first[True].where}) and real images ({first[False].where}) are not scored together, as such a "
            "score says nothing of either; take one kind at a time"
        )
    return True in first


def mark_of(case: Case) -> dict[str, str]:
    """The mark of a case, for what is made of it: empty for a real image."""
    return {COLUMN: "yes"} if is_phantom(case) else {}
