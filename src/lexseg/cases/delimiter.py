"""How the columns of a table are separated, told by its header."""

import csv
from collections.abc import Iterable, Sequence

SEPARATORS = (",", ";", "\t")
"""Commas; semicolons, as spreadsheets write where the comma is the decimal point; tabs."""


def separator_of(content: str, wanted: Iterable[str]) -> str:
    """The separator by which the first line that is not blank names all the wanted columns; else the comma.

    Args:
        content: of the table.
        wanted: names of columns, in small letters; capitals in the table are the same.
    """
    line = next((line for line in content.splitlines() if line.strip()), "")
    for separator in SEPARATORS:
        try:
            header = next(csv.reader([line], delimiter=separator))
        except (csv.Error, StopIteration):
            continue
        if set(wanted) <= {name.strip().lower() for name in header}:
            return separator
    return ","


def own_names(header: Sequence[str], known: Iterable[str]) -> list[str]:
    """The header with the known columns spelt as we do: ``ID`` is ``id``, unless there is an ``id`` besides."""
    ours = set(known)
    return [name.lower() if name.lower() in ours and name.lower() not in header else name for name in header]
