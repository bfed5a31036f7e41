"""What comes back from the bare machine: one safetensors file cut into pieces small enough for any way back."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lexseg.errors import DataError
from lexseg.files import make_folder, replace_file

LARGEST = 16 << 20
"""Every file is smaller than so many bytes."""
MOST = 8
"""Files in all, the index included."""
INDEX, SHARD = "teacher.json", "teacher-{}.part"


def write_shards(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> list[Path]:
    """Write tensors and plain values.

    Args:
        folder: where to; made if it is not there.
        tensors: by name.
        about: plain values about them.

    Returns:
        the files.

    Raises:
        DataError: they take more than `MOST` files.
    """
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    pieces = [content[at : at + LARGEST - 1] for at in range(0, len(content), LARGEST - 1)]
    if len(pieces) > MOST - 1:
        raise DataError(
            f"{folder}: weights and answers take {len(content) / 2**20:.0f} MiB, more than {MOST - 1} files of "
            f"{LARGEST >> 20} MiB hold; take a smaller encoder, or a pack with fewer validation questions"
        )
    make_folder(folder)
    index = {"about": dict(about), "sha256": [hashlib.sha256(piece).hexdigest() for piece in pieces]}
    files = [folder / SHARD.format(number) for number in range(len(pieces))]
    for path, piece in zip(files, pieces, strict=True):
        replace_file(path, piece)
    replace_file(folder / INDEX, json.dumps(index, indent=2).encode())
    return [*files, folder / INDEX]


def read_shards(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and plain values that `write_shards` has written.

    Raises:
        DataError: a file is missing or damaged.
    """
    try:
        index = json.loads((folder / INDEX).read_bytes())
        sums, about = list(index["sha256"]), dict(index["about"])
    except OSError as error:
        raise DataError(
            f"{folder}: no teacher, {INDEX} is missing; copy all that `lexseg teacher train` left"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / INDEX}: damaged; copy it again") from error
    content = b""
    for number, expected in enumerate(sums):
        path = folder / SHARD.format(number)
        if not path.is_file():
            raise DataError(f"{path}: missing; the teacher has {len(sums)} such files, copy it again")
        piece = path.read_bytes()
        if hashlib.sha256(piece).hexdigest() != expected:
            raise DataError(f"{path}: damaged (its SHA-256 is not the one in {INDEX}); copy it again")
        content += piece
    try:
        return load(content), about
    except SafetensorError as error:
        raise DataError(f"{folder}: no teacher: {error}") from error
