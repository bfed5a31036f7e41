"""A refiner as a folder: ``refiner.json``, ``refiner.safetensors``."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from lexseg.errors import ModelError
from lexseg.files import new_folder
from lexseg.models.refiner import Refiner

ABOUT, WEIGHTS, FORMAT = "refiner.json", "refiner.safetensors", 1


@dataclass(frozen=True, slots=True, eq=False)
class LoadedRefiner:
    """A refiner that was read. Attributes: network, not training; size: of its maps, in pixels; sha256: of it."""

    network: Refiner
    size: int
    sha256: str


def write_refiner(output: Path, network: Refiner, *, size: int, how: Mapping[str, Any]) -> None:
    """Make the folder, whole or not at all.

    Args:
        output: the folder; it must not hold anything yet.
        network: trained.
        size: side of the square that images are stretched to.
        how: plain values that say how it came about; no sentence and no path.
    """
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()})
    about = {
        "lexseg_refiner": FORMAT,
        "widths": list(network.widths),
        "size": size,
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "how": dict(how),
    }
    with new_folder(output) as folder:
        (folder / WEIGHTS).write_bytes(content)
        (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load_refiner(folder: Path) -> LoadedRefiner:
    """Read a refiner, strictly.

    Raises:
        ModelError: the folder is none, or a file of it is damaged.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        widths, size, expected = about["widths"], int(about["size"]), str(about["weights_sha256"])
        content = (folder / WEIGHTS).read_bytes()
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: no refiner that can be read ({error}); `lexseg pretrain refiner` makes one"
        ) from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ModelError(f"{folder / WEIGHTS}: the file is damaged (its SHA-256 is not the one in {ABOUT})")
    try:
        network = Refiner(widths)
        network.load_state_dict(load(content), strict=True)
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: {ABOUT} and {WEIGHTS} do not fit: {error}") from error
    return LoadedRefiner(network.eval().requires_grad_(False), size, expected)
