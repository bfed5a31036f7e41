"""Model folders: config.json, model.safetensors, README.md, metrics.json. Nothing in them is code or pickle."""

import hashlib
import inspect
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import ModelError
from lexseg.language.plain_words import ANATOMIES
from lexseg.metrics.operating import OPERATING_POINTS
from lexseg.models import create_model, model_class
from lexseg.models.base import SegmentationModel
from lexseg.models.find import bundled_models
from lexseg.models.scope import Scope

FORMAT = 1
UNCALIBRATED: Mapping[str, float] = {"scale": 1.0, "bias": 0.0, "threshold": 0.5}
"""What stands for ``ModelConfig.presence`` where there is none."""
LOST = "lost_"
PEAK = "peak"
"""Before the name of an operating point (:data:`lexseg.metrics.operating.OPERATING_POINTS`) in a calibration."""
CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.json"


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All that is needed to rebuild a model and to use it as it was trained.

    Attributes:
        method: key in :data:`lexseg.models.MODELS`.
        arguments: the constructor's keywords.
        size: (height, width) that images are stretched to.
        text_encoder: its configuration, as :func:`lexseg.encoders.text.create_text_encoder` takes it;
            ``None`` for image-only models.
        text_encoder_sha256: fingerprint of a frozen text encoder; a model is not run with another.
        laterality: whose left "left" is in the sentences it was trained on; ``None`` if unknown.
        threshold: probability from which on a pixel is foreground.
        presence: how the answer to "is it there?" is calibrated: ``scale`` a and ``bias`` b make the probability
            sigmoid(a * logit + b), below ``threshold`` nothing is found. ``lost_5``, ``lost_10`` and ``lost_15`` are
            its operating points, where it has them: thresholds that lose so many percent of what is there. ``peak``,
            where it has one, is how many logits below its highest pixel a mask of what is there may reach
            (:func:`lexseg.predict.segmentation.given_present`). ``None``: `UNCALIBRATED`.
        modalities: of the images it was trained on, as DICOM names them (CR, DX, US, ...); empty if unknown.
        plain: by anatomy, of :data:`lexseg.language.plain_words.ANATOMIES`, how its training calls all that it looks
            for there: a sentence about one whole side is then also asked in these words. ``None``: never.
        scope: what it has learnt, and the hash of ``scope.safetensors``: see :class:`lexseg.models.scope.Scope`, which
            writes and reads it. ``None``: unknown.
        weights_sha256: of model.safetensors.
        format: version of this file's layout.
    """

    method: str
    arguments: Mapping[str, Any]
    size: tuple[int, int]
    text_encoder: Mapping[str, Any] | None = None
    text_encoder_sha256: str | None = None
    laterality: Literal["image", "patient"] | None = None
    threshold: float = 0.5
    presence: Mapping[str, float] | None = None
    modalities: tuple[str, ...] = ()
    plain: Mapping[str, str] | None = None
    scope: Mapping[str, Any] | None = None
    weights_sha256: str = ""
    format: int = FORMAT


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
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        # shared tensors (one text projection for all levels) are stored once for each name
        state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
        # not by save_file: it leaves the file to its owner alone, and on a full disk raises an error of its own
        (temporary / WEIGHTS).write_bytes(save(state, metadata={"format": "pt"}))
        # a scope was fitted to other weights: it is fitted anew, and written by itself
        values = asdict(config) | {"weights_sha256": _sha256(temporary / WEIGHTS), "scope": None}
        # a text encoder that is trained along stands in the configuration once, with its vocabulary
        values["arguments"] = {k: v for k, v in config.arguments.items() if k != "text_encoder"}
        (temporary / CONFIG).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (temporary / CARD).write_text(card, encoding="utf-8")
        (temporary / METRICS).write_text(json.dumps(dict(metrics or {}), indent=2) + "\n", encoding="utf-8")
        _replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return _parse_config(folder)


def load_model(folder: Path | str) -> LoadedModel:
    """Read a model folder, strictly: every byte of the weights and every key must be as it was saved.

    Args:
        folder: the folder, or the name of a bundled model.

    Raises:
        ModelError: the folder lacks a file, a file is damaged, or the text encoder at hand is not the one trained with.
    """
    folder = bundled_models().get(str(folder), Path(folder))
    config = _parse_config(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder}: {WEIGHTS} is missing; a model folder holds {CONFIG} and {WEIGHTS}")
    if _sha256(weights) != config.weights_sha256:
        raise ModelError(
            f"{weights}: the file is damaged (its SHA-256 is not the one in {CONFIG}); copy the model again"
        )
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
    metrics = _read_json(folder / METRICS) if (folder / METRICS).is_file() else {}
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


def _parse_config(folder: Path) -> ModelConfig:
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{folder}: {CONFIG} is missing; a model folder holds {CONFIG} and {WEIGHTS}")
    values = _read_json(path)
    known = set(ModelConfig.__dataclass_fields__)
    if unknown := sorted(set(values) - known):
        raise ModelError(f"{path}: unknown keys {unknown}; known are {sorted(known)}")
    if values.get("format") != FORMAT:
        raise ModelError(f"{path}: format {values.get('format')!r}, this version of LexSeg reads {FORMAT}")
    if not isinstance(values.get("arguments"), dict) or not isinstance(values.get("method"), str):
        raise ModelError(f"{path}: 'method' must be a name and 'arguments' an object")
    try:
        height, width = values.pop("size")
        modalities = tuple(map(str, values.pop("modalities", ())))
        config = ModelConfig(size=(int(height), int(width)), modalities=modalities, **values)
        usable = 0 < config.threshold < 1 and min(config.size) > 0
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from error
    if config.presence is not None and not _calibrated(config.presence):
        raise ModelError(
            f"{path}: 'presence' must be null or hold 'scale', 'bias' and a 'threshold' between 0 and 1, and no "
            "more than the operating points 'lost_5', 'lost_10', 'lost_15', likewise, and 'peak', above 0"
        )
    if config.plain is not None and not _plain(config.plain):
        raise ModelError(f"{path}: 'plain' must be null or name a finding for an anatomy, of {sorted(ANATOMIES)}")
    if not usable:
        raise ModelError(f"{path}: 'threshold' must lie between 0 and 1, and 'size' be two positive numbers")
    return config


def _calibrated(presence: Any) -> bool:
    try:
        values = {key: float(value) for key, value in presence.items()}
    except (AttributeError, TypeError, ValueError):
        return False
    names = {"scale", "bias", "threshold"}
    points = set(values) - names - {PEAK}
    if not names <= set(values) or not points <= {f"{LOST}{point}" for point in OPERATING_POINTS}:
        return False
    return (
        all(map(math.isfinite, values.values()))
        and values.get(PEAK, 1.0) > 0
        and all(0 < values[name] < 1 for name in {"threshold", *points})
    )


def _plain(nouns: Any) -> bool:
    if not isinstance(nouns, dict) or not nouns.keys() <= ANATOMIES:
        return False
    return all(isinstance(noun, str) and noun.strip() for noun in nouns.values())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: an object was expected, not {type(values).__name__}")
    return values


def _replace(new: Path, target: Path) -> None:
    """Move ``new`` to ``target``; what was there is removed last."""
    if not target.exists():
        os.replace(new, target)
        return
    old = target.with_name(f".{target.name}-old-{os.getpid()}")
    os.replace(target, old)
    os.replace(new, target)
    shutil.rmtree(old, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
