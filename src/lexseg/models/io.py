"""Model folders: config.json, model.safetensors, README.md, metrics.json. Nothing in them is code or pickle."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import ModelError
from lexseg.files import folder_beside, make_folder, replace_folder, usual_mode
from lexseg.models import create_model, model_class
from lexseg.models.base import SegmentationModel
from lexseg.models.config import (
    CARD,
    CONFIG,
    FORMAT,
    LOST,
    METRICS,
    PEAK,
    UNCALIBRATED,
    WEIGHTS,
    ModelConfig,
    bundled_models,
    checked_weights,
    read_config,
    read_json,
    sha256_of,
)
from lexseg.models.scope import Scope

__all__ = [
    "CARD", "CONFIG", "FORMAT", "LOST", "METRICS", "PEAK", "UNCALIBRATED", "WEIGHTS",
    "LoadedModel", "ModelConfig", "load_model", "save_model",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to run: the network in evaluation mode, its text encoder, its configuration, folder and scope."""

    model: SegmentationModel
    text_encoder: TextEncoder | None
    config: ModelConfig
    folder: Path
    metrics: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope | None = None


def save_model(
    folder: Path,
    model: SegmentationModel,
    config: ModelConfig,
    *,
    card: str,
    metrics: Mapping[str, Any] | None = None,
) -> ModelConfig:
    """Write a model folder, whole or not at all: beside the target first, then moved into place.

    Args:
        folder: the target; an older model there is replaced once the new one is complete.
        model: its ``state_dict`` is saved.
        config: ``weights_sha256`` is filled in.
        card: README.md.
        metrics: metrics.json.
    """
    folder = Path(folder)
    make_folder(folder.parent)
    with folder_beside(folder) as temporary:
        temporary.chmod(usual_mode())
        # shared tensors (one text projection for all levels) are stored once for each name
        state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
        # not by save_file: it leaves the file to its owner alone, and on a full disk raises an error of its own
        (temporary / WEIGHTS).write_bytes(save(state, metadata={"format": "pt"}))
        # a scope was fitted to other weights: it is fitted anew, and written by itself
        values = asdict(config) | {"weights_sha256": sha256_of(temporary / WEIGHTS), "scope": None}
        # a text encoder that is trained along stands in the configuration once, with its vocabulary
        values["arguments"] = {k: v for k, v in config.arguments.items() if k != "text_encoder"}
        (temporary / CONFIG).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (temporary / CARD).write_text(card, encoding="utf-8")
        (temporary / METRICS).write_text(json.dumps(dict(metrics or {}), indent=2) + "\n", encoding="utf-8")
        replace_folder(temporary, folder)
    return read_config(folder)


def load_model(folder: Path | str) -> LoadedModel:
    """Read a model folder, strictly: every byte of the weights and every key must be as it was saved.

    Args:
        folder: the folder, or the name of a bundled model.

    Raises:
        ModelError: the folder lacks a file, a file is damaged, or the text encoder at hand is not the one trained with.
    """
    folder = bundled_models().get(str(folder), Path(folder))
    config = read_config(folder)
    weights = checked_weights(folder, config)
    try:
        model = create_model(config.method, **_arguments(config))
    except ModelError as error:
        raise ModelError(f"{folder / CONFIG}: {error}") from error
    try:
        model.load_state_dict(load_file(weights), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"{weights}: does not fit {CONFIG}: {error}") from error
    trained = model.text_input.encoder if model.text_input is not None else None
    encoder = trained if trained is not None else _frozen_encoder(folder, config)
    metrics = read_json(folder / METRICS) if (folder / METRICS).is_file() else {}
    return LoadedModel(model.eval(), encoder, config, folder, metrics, Scope.load(folder))


def _frozen_encoder(folder: Path, config: ModelConfig) -> TextEncoder | None:
    if config.text_encoder is None:
        return None
    encoder = create_text_encoder(config.text_encoder)
    found, expected = encoder.fingerprint(), config.text_encoder_sha256
    if expected is not None and found != expected:
        raise ModelError(
            f"{folder}: was trained with another version of the text encoder {encoder.name!r} "
            f"(SHA-256 {expected[:12]}..., here {found[:12]}...); install the version it names"
        )
    return encoder


def _arguments(config: ModelConfig) -> dict[str, Any]:
    """The constructor's keywords, less all pretraining: the saved weights are about to replace it."""
    arguments = dict(config.arguments)
    if "encoder_args" in inspect.signature(model_class(config.method)).parameters:
        arguments["encoder_args"] = dict(arguments.get("encoder_args") or {}) | {"pretrained": False}
    if config.text_encoder is not None and config.text_encoder.get("trainable"):
        arguments["text_encoder"] = dict(config.text_encoder) | {"pretrained": False}
    return arguments
