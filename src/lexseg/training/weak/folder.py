"""Towers as a folder: an encoder folder with the rest of the towers beside the image encoder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from lexseg.encoders.image.folder import about_encoder, load_encoder, write_encoder
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import ModelError
from lexseg.files import new_folder
from lexseg.language.sides import Laterality
from lexseg.models.towers import Towers

TOWERS, WEIGHTS = "towers.json", "towers.safetensors"


@dataclass(frozen=True, slots=True)
class LoadedTowers:
    """Towers that have been read.

    Attributes:
        towers: in evaluation mode.
        text_encoder: what reads their sentences.
        size: side in pixels that images are stretched to.
        folder: where they come from.
        sha256: of the weights.
        laterality: whose left "left" is in their sentences; ``None`` if unknown.
        how: how they came about.
    """

    towers: Towers
    text_encoder: TextEncoder
    size: int
    folder: Path
    sha256: str
    laterality: Laterality | None
    how: Mapping[str, Any]


def is_towers_folder(path: str | Path) -> bool:
    """Whether a path names towers."""
    return (Path(path).expanduser() / TOWERS).is_file()


def write_towers(
    output: Path,
    towers: Towers,
    text_encoder: TextEncoder,
    encoder: str,
    *,
    size: int,
    laterality: Laterality | None,
    how: Mapping[str, Any],
) -> None:
    """Make the folder, whole or not at all.

    Args:
        output: the folder; it must not hold anything yet.
        towers: trained.
        text_encoder: what reads their sentences.
        encoder: the image encoder's name.
        size: side in pixels that images are stretched to.
        laterality: whose left "left" is in their sentences.
        how: plain values that say how they came about; no sentence and no path.
    """
    head = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in towers.head_state().items()})
    about = {
        "arguments": {
            "encoder": encoder,
            "dim": towers.out.out_channels,
            "strides": [towers.encoder.strides[level] for level in towers.levels],
            "positions": towers.positions,
            "pooling": towers.pooling,
            "text_width": text_encoder.width,
        },
        "size": size,
        "laterality": laterality,
        "text_encoder": text_encoder.config(),
        "text_encoder_sha256": None if text_encoder.trainable else text_encoder.fingerprint(),
        "weights_sha256": hashlib.sha256(head).hexdigest(),
    }
    with new_folder(output) as folder:
        write_encoder(folder, towers.encoder, encoder, card=_card(encoder, text_encoder, size, how), how=how)
        (folder / WEIGHTS).write_bytes(head)
        (folder / TOWERS).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_towers(folder: Path) -> LoadedTowers:
    """Read towers, strictly.

    Raises:
        ModelError: the folder lacks a file, one is damaged, or the text encoder is not the one they were trained with.
    """
    path = folder / TOWERS
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        arguments, size = dict(about["arguments"]), int(about["size"])
        told, fingerprint = dict(about["text_encoder"]), about["text_encoder_sha256"]
        content = (folder / WEIGHTS).read_bytes()
        expected, laterality = about["weights_sha256"], about["laterality"]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: no towers that can be read ({error}); `lexseg pretrain align` makes them"
        ) from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ModelError(f"{folder / WEIGHTS}: the file is damaged (its SHA-256 is not the one in {TOWERS})")
    trainable = bool(told.get("trainable"))
    reader = create_text_encoder(told, pretrained=not trainable)
    if fingerprint is not None and reader.fingerprint() != fingerprint:
        raise ModelError(f"{folder}: was trained with another version of the text encoder {reader.name!r}")
    if trainable:
        arguments["text_encoder"] = told | {"pretrained": False}
    try:
        towers = Towers(**arguments | {"encoder_args": {"pretrained": False}})
        load_encoder(folder, towers.encoder, arguments["encoder"])
        state = load_file(folder / WEIGHTS) | {f"encoder.{k}": v for k, v in towers.encoder.state_dict().items()}
        towers.load_state_dict(state, strict=True)
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: {TOWERS} and {WEIGHTS} do not fit: {error}") from error
    own = towers.text_input.encoder
    how = about_encoder(folder).get("how", {})
    return LoadedTowers(towers.eval(), reader if own is None else own, size, folder, expected, laterality, how)


def _card(encoder: str, text_encoder: TextEncoder, size: int, how: Mapping[str, Any]) -> str:
    validation = how.get("validation")
    found = "not looked at: validation holds no two different sentences"
    if validation:
        found = (
            f"the right one of {validation['sentences']} sentences is nearest for {validation['top1']:.1%} of "
            f"{validation['images']} validation images"
        )
    return f"""---
library_name: lexseg
tags: [medical, image-encoder, language-guided]
---

# {encoder}, aligned with sentences (LexSeg {version("lexseg")})

**Research use only. Not a medical device.**

An image encoder trained on {how.get("images", 0):,} images with {how.get("sentences", 0):,} different sentences and no
masks, by contrast (DHN-NCE), at {size} x {size} pixels; the sentences were read by `{text_encoder.name}`.
MedCLIP-SAMv2-style: the loss is the papers', the towers are LexSeg's own.

Retrieval: {found}.

Any recipe with this encoder starts from it: `lexseg train --config RECIPE --model.encoder_args.pretrained FOLDER`.
`lexseg pseudo-label CASES --model FOLDER` makes masks of what its words point at.

## Data

Name the data sets, their terms and whom they show here before you hand it on.
"""
