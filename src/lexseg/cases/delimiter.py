"""How the columns of a table are separated, told by its header."""

import csv
from collections.abc import Iterable, Sequence

SEPARATORS = (",", ";", "\t")
"""Commas; semicolons, as spreadsheets write where the comma is the decimal point; tabs."""


def separator_of(content: str, wanted: Iterable[str]) -> str:
    """The separator by which the first line that is not blank names all the wanted columns.

    Where none does, it is the one that divides the line into the most columns, so that these can be told by name.

    Args:
        content: of the table.
        wanted: names of columns, in small letters; capitals in the table are the same.
    """
    line = next((line for line in content.splitlines() if line.strip()), "")
    columns = {}
    for separator in SEPARATORS:
        try:
            columns[separator] = next(csv.reader([line], delimiter=separator))
        except (csv.Error, StopIteration):
            continue
        if set(wanted) <= {name.strip().lower() for name in columns[separator]}:
            return separator
    return max(columns, key=lambda separator: len(columns[separator]), default=",")


def own_names(header: Sequence[str], known: Iterable[str]) -> list[str]:
    """The header with the known columns spelt as we do: ``ID`` is ``id``, unless there is an ``id`` besides."""
    ours = set(known)
    return [name.lower() if name.lower() in ours and name.lower() not in header else name for name in header]
