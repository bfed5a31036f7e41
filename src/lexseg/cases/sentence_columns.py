"""Which columns hold the sentences of manifests, where the user does not say."""

import re
from collections.abc import Sequence
from pathlib import Path

from lexseg.cases.manifest import DEFAULT_TEXT, manifest_columns


def sentence_columns(paths: Sequence[Path | str], named: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns to read sentences from.

    A referring manifest, which has the column ``expression_kind``, keeps the wordings of an expression in ``text``,
    ``text_2``, ``text_3``, ...: all of them are read. Of any other manifest it is ``text`` alone.

    Args:
        paths: the manifests.
        named: what the user names; taken as it is.
    """
    if named:
        return tuple(named)
    columns = {column for path in paths for column in manifest_columns(path)}
    if "expression_kind" not in columns:
        return DEFAULT_TEXT
    further = [column for column in columns if re.fullmatch(r"text_[1-9]\d{0,3}", column)]
    return (*DEFAULT_TEXT, *sorted(further, key=lambda column: int(column.removeprefix("text_"))))
