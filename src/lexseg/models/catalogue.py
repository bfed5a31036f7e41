"""What there is to choose from: methods, shipped recipes and bundled models. Imports no torch."""

import ast
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lexseg.errors import ModelError
from lexseg.extensions import outside
from lexseg.models import MODELS
from lexseg.models.config import bundled_models


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Methods, recipes and bundled models, as plain JSON values."""
    return {
        "methods": [
            *({"name": name, "summary": _summary(where)} for name, where in sorted(MODELS.items())),
            *({"name": name, "summary": _told(thing)} for name, thing in sorted(outside("methods").items())),
        ],
        "recipes": [_recipe(path) for path in sorted(_recipes_folder().glob("*.yaml"))],
        "models": [about(name, folder) for name, folder in bundled_models().items()],
    }


def about(name: str, folder: Path) -> dict[str, Any]:
    """One model, as plain JSON values.

    Raises:
        ModelError: its config.json or metrics.json cannot be read.
    """
    config, metrics = _read(folder / "config.json"), folder / "metrics.json"
    arguments = config.get("arguments")
    arguments = arguments if isinstance(arguments, dict) else {}
    taught = arguments.get("taught") if config.get("method") == "few-shot" else None
    return {
        "name": name,
        "method": config.get("method"),
        "size": config.get("size"),
        "megabytes": round(sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6, 1),
        "laterality": config.get("laterality"),
        "modalities": config.get("modalities") or [],
        "dice": dict(scores(_read(metrics) if metrics.is_file() else {})),
        **({"head": arguments.get("head"), "of": arguments.get("of"), "taught": taught} if taught else {}),
    }


def about_encoder(name: str) -> dict[str, Any] | None:
    """An encoder folder, as plain JSON values; ``None`` where a name is of none.

    Raises:
        ModelError: its encoder.json cannot be read.
    """
    folder = Path(name).expanduser()
    if not (folder / "encoder.json").is_file():
        return None
    told = _read(folder / "encoder.json")
    how = told.get("how") or {}
    return {
        "name": name,
        "encoder": told.get("encoder"),
        "megabytes": round(sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6, 1),
        "made_by": how.get("kind"),
        "images": how.get("images"),
        "sentences": how.get("sentences"),
        "points_at_words": (folder / "towers.json").is_file(),
    }


def scores(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The Dice scores of a metrics.json, by name: ``val per image`` and the like, wherever in it they stand."""
    for key, value in metrics.items():
        if not isinstance(value, Mapping):
            continue
        if key in ("per_image", "pooled") and "dice" in value:
            dice = value["dice"]
            mean = dice.get("mean") if isinstance(dice, Mapping) else dice
            if isinstance(mean, int | float):
                yield f"{prefix} {key.replace('_', ' ')}".strip(), float(mean)
        else:
            yield from scores(value, f"{prefix} {key}".strip())


def _summary(where: str) -> str:
    """The first line of the module's docstring, from its source: importing it would import torch."""
    spec = find_spec(where.partition(":")[0])
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _told(thing: Any) -> str:
    """Of a method from outside: the first line of its docstring, or where it is, if nothing has imported it yet."""
    if isinstance(thing, EntryPoint):
        return f"from outside: {thing.value}"
    return (thing.__doc__ or "from outside").strip().partition("\n")[0]


def _recipes_folder() -> Path:
    return Path(str(files("lexseg"))) / "assets" / "recipes"


def _recipe(path: Path) -> dict[str, Any]:
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = next((line for line in lines if line.startswith("#")), "")
    return {"name": path.stem, "summary": comment.lstrip("# ")}


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"{path}: cannot be read as JSON: {reason}; a model folder holds config.json") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: an object was expected, not {type(values).__name__}")
    return values
