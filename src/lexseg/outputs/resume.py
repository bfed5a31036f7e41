"""Which results stand already, so that a run that was stopped goes on where it was."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def is_written(files: Sequence[Path], record: Mapping[str, Any]) -> bool:
    """Whether a result is there whole, of this very question.

    Results are moved into place together, but a process may be killed between two of the moves: all files count. The
    mask is in one file or another, as the image is a film or a volume.

    Args:
        files: those that may hold the mask, the overlay, and last the JSON.
        record: what its JSON must say: image, number of the sentence, model and its hash.
    """
    *held, overlay, numbers = files
    if not (any(path.is_file() for path in held) and overlay.is_file() and numbers.is_file()):
        return False
    try:
        values = json.loads(numbers.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and all(values.get(key) == value for key, value in record.items())
