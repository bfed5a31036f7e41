"""Where a model is: wherever a MODEL is asked for, a bundled name, a folder or a hub id will do. Imports no torch."""

import re
from importlib.resources import files
from pathlib import Path

from lexseg.errors import ModelError

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
    name, bundled = str(model), bundled_models()
    if isinstance(model, str) and name in bundled:
        return bundled[name]
    folder = Path(model).expanduser()
    if folder.is_dir():
        inside = folder / "model"
        return inside if not (folder / "config.json").exists() and (inside / "config.json").exists() else folder
    if folder.exists():
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
