"""Files of weights as their authors publish them: read without running what a pickle may hold."""

from pathlib import Path
from typing import Any

import torch

from lexseg.errors import ModelError


def read_weights(path: Path) -> dict[str, Any]:
    """The tensors of a ``.pth`` file by their names.

    Raises:
        ModelError: if it is damaged, or holds anything but tensors and plain values.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    # what is no file of weights makes torch, zipfile and pickle raise nearly anything
    except Exception as error:
        raise ModelError(
            f"{path}: damaged, or holds more than weights ({type(error).__name__}); nothing in it was run. Get it from "
            "its authors once more"
        ) from error
    if not isinstance(weights, dict):
        raise ModelError(f"{path}: no weights by name, but {type(weights).__name__}")
    return weights
