"""A refiner as a folder: ``refiner.json``, ``refiner.safetensors``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load

from lexseg.errors import ModelError
from lexseg.models.refiner import Refiner
from lexseg.training.beside import read_weights, unreadable, write_weights

NAME, FORMAT = "refiner", 1
ABOUT, WEIGHTS = f"{NAME}.json", f"{NAME}.safetensors"


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
    about = {"lexseg_refiner": FORMAT, "widths": list(network.widths), "size": size, "how": dict(how)}
    write_weights(output, NAME, network.state_dict(), about)


def load_refiner(folder: Path) -> LoadedRefiner:
    """Read a refiner, strictly.

    Raises:
        ModelError: the folder is none, or a file of it is damaged.
    """
    about, content = read_weights(folder, NAME, "refiner")
    try:
        widths, size = about["widths"], int(about["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(folder, NAME, "refiner", error) from error
    try:
        network = Refiner(widths)
        network.load_state_dict(load(content), strict=True)
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: {ABOUT} and {WEIGHTS} do not fit: {error}") from error
    return LoadedRefiner(network.eval().requires_grad_(False), size, about["weights_sha256"])
