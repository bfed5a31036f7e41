"""Encoder folders: an image encoder that was trained without masks, for any recipe to start from.

``encoder.json`` says which encoder it is and how it came about, ``encoder.safetensors`` holds its weights. Every recipe
takes the folder: ``--model.encoder_args.pretrained FOLDER``.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from lexseg.encoders.image.base import ImageEncoder
from lexseg.errors import ModelError

ABOUT, WEIGHTS, CARD = "encoder.json", "encoder.safetensors", "README.md"
FORMAT = 1


def is_encoder_folder(path: str | Path) -> bool:
    """Whether a path names an encoder folder."""
    return (Path(path).expanduser() / ABOUT).is_file()


def write_encoder(folder: Path, encoder: ImageEncoder, name: str, *, card: str, how: Mapping[str, Any]) -> None:
    """Put an encoder into a folder that exists.

    Args:
        folder: where to; build it beside its place and move it there, so that it is whole or not there.
        encoder: its weights are written, in whatever precision they are.
        name: key in :data:`lexseg.encoders.image.ENCODERS`.
        card: README.md.
        how: plain values that say how it came about.
    """
    state = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in encoder.state_dict().items()}
    content = save(state, metadata={"format": "pt"})
    (folder / WEIGHTS).write_bytes(content)
    about = {"format": FORMAT, "encoder": name, "weights_sha256": hashlib.sha256(content).hexdigest(), "how": dict(how)}
    (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")


def about_encoder(folder: Path) -> dict[str, Any]:
    """What ``encoder.json`` holds.

    Raises:
        ModelError: it cannot be read, or is of another version.
    """
    path = folder / ABOUT
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}; an encoder folder holds {ABOUT}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT or not isinstance(values.get("encoder"), str):
        raise ModelError(f"{path}: no encoder's description as this version of LexSeg reads it")
    return values


def load_encoder(folder: Path, encoder: ImageEncoder, name: str) -> None:
    """Give ``encoder`` the weights of a folder.

    Raises:
        ModelError: the folder is damaged, or of another encoder.
    """
    about, weights = about_encoder(folder), folder / WEIGHTS
    if about["encoder"] != name:
        raise ModelError(f"{folder}: holds a {about['encoder']}, but the recipe's encoder is {name!r}")
    if not weights.is_file():
        raise ModelError(f"{folder}: {WEIGHTS} is missing; an encoder folder holds {ABOUT} and {WEIGHTS}")
    if hashlib.sha256(weights.read_bytes()).hexdigest() != about.get("weights_sha256"):
        raise ModelError(f"{weights}: the file is damaged (its SHA-256 is not the one in {ABOUT}); copy it again")
    try:
        missing, unknown = encoder.load_state_dict(load_file(weights), strict=False)
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"{weights}: does not fit a {name}: {error}") from error
    # the running statistics of `even_scale` are measured in training, whoever starts from here
    if odd := sorted(key for key in (*missing, *unknown) if not key.startswith("even.")):
        raise ModelError(f"{weights}: does not fit a {name}: {', '.join(odd[:3])}")
