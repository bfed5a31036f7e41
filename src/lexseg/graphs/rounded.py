"""Writes the packaged text encoder in half its bytes, for an install without torch. Imports no torch.

A matrix is stored as whole numbers of sixteen bits and a scale for each of its rows, w[i, j] = scale[i] n[i, j]: ten
times as near to what it was as half precision would be.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from lexseg.encoders.text.reader import minilm_folder, minilm_reader
from lexseg.files import new_folder
from lexseg.graphs.store import ROUNDED, SCALE, TOKENIZER, UNREAD, Weights, text_fingerprint
from lexseg.models.config import WEIGHTS, sha256_of

_MOST = np.iinfo(np.int16).max


def write_rounded(target: Path) -> None:
    """Round the packaged text encoder, with its tokenizer, into a folder that is made.

    Raises:
        ModelError: the package is not installed.
        DataError: there is something at ``target`` already.
    """
    source = minilm_folder()
    weights, reader = Weights(source / WEIGHTS), minilm_reader()
    stored: dict[str, NDArray[np.float32] | NDArray[np.int16]] = {}
    for name, weight in weights.items():
        if name.startswith(UNREAD):
            continue
        if weight.ndim != 2:
            stored[name] = weight
            continue
        scale = np.maximum(np.abs(weight).max(1), np.finfo(np.float32).tiny) / np.float32(_MOST)
        stored[name] = np.rint(weight / scale[:, None]).astype(np.int16)
        stored[name + SCALE] = scale.astype(np.float32)
    with new_folder(target) as folder:
        for name in ("config.json", TOKENIZER, "README.md"):
            shutil.copyfile(source / name, folder / name)
        (folder / WEIGHTS).write_bytes(save(stored))
        about = {"fingerprint": text_fingerprint(weights, reader), "sha256": sha256_of(folder / WEIGHTS)}
        (folder / ROUNDED).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
