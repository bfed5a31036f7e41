"""Starting from another model's weights (``--init``)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import ModelError
from lexseg.models import COMPOSED
from lexseg.models.base import SegmentationModel
from lexseg.models.config import bundled_models, find_model
from lexseg.models.io import LoadedModel, load_model
from lexseg.training.config import TrainConfig

PRESENCE = "presence."


def settled_name(init: str | Path | None) -> str | None:
    """What ``init`` names, whatever the working directory: a bundled name, an absolute folder or a hub id."""
    if init is None or str(init) in bundled_models():
        return None if init is None else str(init)
    folder = Path(init).expanduser()
    return str(folder.resolve()) if folder.is_dir() else str(init)


def load(init: str) -> LoadedModel:
    """The model that ``init`` names.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    return load_model(find_model(init))


def settings_of(init: str) -> dict[str, Any]:
    """The settings of a run that begins with a model's weights, by their dotted names: method, model, text, size, fit.

    Raises:
        ModelError: there is no such model, or it is damaged, or is made of others.
    """
    config = load(init).config
    model = {name: value for name, value in config.arguments.items() if name not in ("text_width", "text_encoder")}
    if isinstance(own := model.get("encoder_args"), Mapping):
        model["encoder_args"] = dict(own) | {"pretrained": False}  # the model's own weights are about to replace it
    if config.method in COMPOSED:
        raise ModelError(f"--init: {init} is made of other models ({config.method}); start from one of those")
    text = {} if config.text_encoder is None else {"text": dict(config.text_encoder)}
    return {"method": config.method, "model": model, "data.size": max(config.size), "data.fit": config.fit, **text}


def vocabulary(initial: LoadedModel | None) -> list[str] | None:
    """The words of a model's own word encoder: a model that starts from it must know them by the same numbers."""
    if initial is None or initial.config.text_encoder is None:
        return None
    words = initial.config.text_encoder.get("vocabulary")
    return None if words is None else list(words)


def initialise(
    model: SegmentationModel, config: TrainConfig, encoder: TextEncoder | None, initial: LoadedModel
) -> None:
    """Give ``model`` the weights of ``initial``, strictly; only a presence head may be new.

    Raises:
        ModelError: they do not fit, or were trained on another text encoder's states.
    """
    if initial.config.method != config.method:
        raise ModelError(
            f"--init: {initial.folder} is a {initial.config.method}, but this run trains a {config.method}"
        )
    expected = initial.config.text_encoder_sha256
    if expected is not None and (encoder is None or encoder.trainable or encoder.fingerprint() != expected):
        name = initial.text_encoder.name if initial.text_encoder is not None else "another text encoder"
        raise ModelError(f"--init: {initial.folder} reads the frozen text encoder {name}, but this run does not")
    try:
        state = initial.model.state_dict()
        if not any(name.startswith(PRESENCE) for name in state):
            state |= {name: value for name, value in model.state_dict().items() if name.startswith(PRESENCE)}
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        # PyTorch names every tensor; the first tell enough
        reasons = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
        shown = "; ".join(reason[:200] for reason in reasons[:3])
        raise ModelError(f"--init: the weights of {initial.folder} do not fit the recipe's `model`: {shown}") from error
