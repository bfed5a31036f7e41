"""A model's folder: where it is, what its config.json says of the model and of the worlds that it has learnt.

And what follows from the worlds of an image and of words. Imports neither torch nor, as a browser runs it too, numpy.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lexseg.errors import ModelError
from lexseg.language.asking import WORLDS

if TYPE_CHECKING:
    from lexseg.models.place import Fit

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PATTERNS = ("*.safetensors", "*.json", "*.md")  # no code, no pickle


def bundled_models() -> dict[str, Path]:
    """The models that come with the package, by name."""
    root = Path(str(files("lexseg"))) / "assets" / "models"
    return {f.parent.name: f.parent for f in sorted(root.glob("*/config.json"))}


def find_model(model: str | Path) -> Path:
    """The folder of a model.

    Args:
        model: the name of a bundled model (it goes before a folder of that name: write ``./name`` for the folder), a
            model folder, the folder of a training run (its ``model/`` is meant), or a hub id such as
            ``someone/lexseg-polyps``, whose weights, JSON and card are fetched, or found in the hub's cache.

    Raises:
        ModelError: if there is no such model, or the hub cannot be reached.
    """
    if not isinstance(model, str | Path):
        raise ModelError(f"a model is named by text or a path, and this is {type(model).__name__}")
    name, bundled = str(model), bundled_models()
    if isinstance(model, str) and name in bundled:
        return bundled[name]
    folder = Path(model).expanduser()
    if name and folder.is_dir():  # an empty name would mean the folder that one is in
        inside = folder / "model"
        return inside if not (folder / "config.json").exists() and (inside / "config.json").exists() else folder
    if name and folder.exists():
        raise ModelError(f"{name}: is a file; a model is a folder with config.json and model.safetensors")
    if isinstance(model, str) and _HUB_ID.fullmatch(name):
        return _from_hub(name)
    known = ", ".join(bundled) or "none"
    raise ModelError(f"{name!r}: no such model; expected a bundled name ({known}), a model folder or a hub id")


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_PATTERNS)))
    except Exception as error:  # the hub's client raises many unrelated classes, of its own and of its transport
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{name!r}: is no folder here, and cannot be had from the hub: {reason[0]}") from error


FORMAT = 1
SCOPE_FORMAT = 1
"""Of what ``config.json`` says under ``scope``."""
UNCALIBRATED: Mapping[str, float] = {"scale": 1.0, "bias": 0.0, "threshold": 0.5}
"""What stands for ``ModelConfig.presence`` where there is none."""
OPERATING_POINTS: Mapping[str, float] = {"5": 0.05, "10": 0.10, "15": 0.15}
"""By name, a number of percent, the share of what is there that a threshold of presence may deny at most
(:func:`lexseg.metrics.operating.operating_threshold`)."""
LOST = "lost_"
"""Before the name of an operating point in a calibration."""
PEAK = "peak"
"""In a calibration, how many logits a mask reaches down from its highest pixel."""
CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.json"


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """All that is needed to rebuild a model and to use it as it was trained.

    Attributes:
        method: key in :data:`lexseg.models.MODELS`.
        arguments: the constructor's keywords.
        size: (height, width) that images are brought to.
        fit: how: ``stretch`` or ``pad``, as :mod:`lexseg.models.place` says; older models do not say, and stretch.
        text_encoder: its configuration, as :func:`lexseg.encoders.text.create_text_encoder` takes it;
            ``None`` for image-only models.
        text_encoder_sha256: fingerprint of a frozen text encoder; a model is not run with another.
        laterality: whose left "left" is in the sentences it was trained on; ``None`` if unknown.
        threshold: probability from which on a pixel is foreground.
        presence: how the answer to "is it there?" is calibrated: ``scale`` a and ``bias`` b make the probability
            sigmoid(a * logit + b), below ``threshold`` nothing is found. ``lost_5``, ``lost_10`` and ``lost_15`` are
            its operating points, where it has them: thresholds that lose so many percent of what is there. ``peak``,
            where it has one, is how many logits below its highest pixel a mask of what is there may reach
            (:func:`lexseg.predict.ask.given_present`). ``None``: `UNCALIBRATED`.
        modalities: of the images it was trained on, as DICOM names them (CR, DX, US, ...); empty if unknown.
        plain: by world, of :data:`lexseg.language.asking.WORLDS`, how its training calls all that it looks for
            there: a sentence that means no more is then asked in these words. ``None``: never.
        scope: what it has learnt, and the hash of ``scope.safetensors``: see :class:`lexseg.models.scope.Scope`, which
            writes and reads it. ``None``: unknown.
        weights_sha256: of model.safetensors.
        format: version of this file's layout.
    """

    method: str
    arguments: Mapping[str, Any]
    size: tuple[int, int]
    fit: "Fit" = "stretch"
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


def read_config(folder: Path) -> ModelConfig:
    """Read a model folder's config.json.

    Raises:
        ModelError: it is missing, damaged, or of another version.
    """
    from lexseg.models.place import FITS

    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{folder}: {CONFIG} is missing; a model folder holds {CONFIG} and {WEIGHTS}")
    values = read_json(path)
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
        raise ModelError(f"{path}: 'plain' must be null or name a finding for a world, of {sorted(WORLDS)}")
    if config.fit not in FITS:
        raise ModelError(f"{path}: fit {config.fit!r}; {' or '.join(FITS)} was expected")
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
    if not isinstance(nouns, dict) or not nouns.keys() <= WORLDS:
        return False
    return all(isinstance(noun, str) and noun.strip() for noun in nouns.values())


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds an object.

    Raises:
        ModelError: it cannot be read, or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: an object was expected, not {type(values).__name__}")
    return values


def checked_weights(folder: Path, config: ModelConfig) -> Path:
    """The file of a model's weights, which was held against the configuration.

    Raises:
        ModelError: it is missing, or not what was saved.
    """
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder}: {WEIGHTS} is missing; a model folder holds {CONFIG} and {WEIGHTS}")
    if sha256_of(weights) != config.weights_sha256:
        raise ModelError(
            f"{weights}: the file is damaged (its SHA-256 is not the one in {CONFIG}); copy the model again"
        )
    return weights


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- worlds: what a model has learnt ------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """One kind of image that a model has learnt, and what it finds there.

    Attributes:
        name: chest, breast, ...
        anatomy: what is imaged.
        modalities: as DICOM names them (CR, US, ...); empty if unknown.
        findings: what it was taught to find.
        examples: sentences that it understands; empty where none may be told.
        terms: on which its training data, and so its weights, may be used; empty if nobody said.
    """

    name: str
    anatomy: str
    modalities: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    terms: str = ""


def read_worlds(folder: Path | str) -> tuple[tuple[World, ...], str] | None:
    """What a model's ``config.json`` says of its worlds, and the SHA-256 of their data; ``None`` where it says nothing.

    Raises:
        ModelError: it cannot be read, or is of a later version.
    """
    path = Path(folder) / CONFIG
    told: Any = read_json(path).get("scope")
    if told is None:
        return None
    try:
        if told["format"] != SCOPE_FORMAT:
            raise ModelError(f"{path}: scope of format {told['format']!r}, this version of LexSeg reads {SCOPE_FORMAT}")
        worlds = tuple(_world(each) for each in told["worlds"])
        return worlds, str(told["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: 'scope' cannot be read: {error}") from error


def _world(values: Mapping[str, Any]) -> World:
    lists = {key: tuple(map(str, values.get(key) or ())) for key in ("modalities", "findings", "examples")}
    return World(str(values["name"]), str(values["anatomy"]), terms=str(values.get("terms") or ""), **lists)


Reason = Literal["image", "words", "world"]
"""Why a question is not in scope: the image is none that the model knows, the words are none, or they are of another
world than the image."""


@dataclass(frozen=True, slots=True)
class WordsScope:
    """Whether a sentence asks for something that the model has learnt.

    Attributes:
        known: whether it does, in any world; true of the null sentence, and where the model cannot tell.
        worlds: by world, how likely the words belong to it, 0..1; from one half on they do. Empty: to any.
        distance: of the sentence from the nearest that the model was trained on, 0..2 (one less the cosine);
            0 where no network has judged it (:func:`lexseg.predict.words.told`).
    """

    known: bool
    worlds: Mapping[str, float]
    distance: float


@dataclass(frozen=True, slots=True)
class ImageScope:
    """Whether an image is of a kind that the model has learnt.

    Attributes:
        known: whether it is; true where the model cannot tell.
        world: the one it is most like; ``None`` where it is like none, or the model cannot tell.
        distance: from the training images of that world, in units of what is still known: above 1 it is not.
    """

    known: bool
    world: str | None
    distance: float


def verdict(image: ImageScope, words: WordsScope) -> Reason | None:
    """Why a question is not in scope; ``None`` where it is."""
    if not image.known:
        return "image"
    if not words.known:
        return "words"
    if image.world is not None and words.worlds and words.worlds.get(image.world, 0.0) < 0.5:
        return "world"
    return None
