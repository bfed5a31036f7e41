"""Which results stand already, so that a run that was stopped goes on where it was."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lexseg.outputs.results import NUMBERS, result_files


def is_written(folder: Path, stem: str, masks: Collection[str], record: Mapping[str, Any]) -> bool:
    """Whether a result is there whole, of this very question.

    Results are moved into place together, but a process may be killed between two of the moves: all files count.

    Args:
        folder: where results are.
        stem: the beginning of the result's names.
        masks: the endings of the names of the files that hold the mask.
        record: what its JSON must say: image, number of the sentence, model and its hash.
    """
    if not all(path.is_file() for path in result_files(folder, stem, masks)):
        return False
    try:
        values = json.loads((folder / f"{stem}{NUMBERS}").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and all(values.get(key) == value for key, value in record.items())
