"""Trained models joined into one that answers as their mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lexseg.errors import ModelError
from lexseg.models.ensemble import Ensemble
from lexseg.models.io import UNCALIBRATED, LoadedModel, ModelConfig, load_model, save_model

_EQUAL = ("method", "size", "fit", "text_encoder", "text_encoder_sha256", "laterality", "modalities", "plain")


def join_models(folders: Sequence[Path], output: Path) -> ModelConfig:
    """Write a model folder whose answers are the mean of several models', as of the folds of a cross-validation.

    Args:
        folders: model folders that differ in their weights, and in how they are calibrated, alone.
        output: the folder to write.

    Returns:
        the configuration that was written. The thresholds are the means of the members'.

    Raises:
        ModelError: there is none, one is damaged, or two differ in more than that.
    """
    if not folders:
        raise ModelError("an ensemble needs one model or more")
    members = [load_model(folder) for folder in folders]
    first = members[0].config
    for member in members[1:]:
        _check_equal(members[0], member)
    presences = [member.config.presence or UNCALIBRATED for member in members]
    own: dict[str, Any] = {
        "of": first.method,
        "members": len(members),
        "arguments": {k: v for k, v in first.arguments.items() if k not in ("text_encoder", "text_width")},
        "presence": [{"scale": p["scale"], "bias": p["bias"]} for p in presences],
    }
    own |= {"text_width": first.arguments["text_width"]} if "text_width" in first.arguments else {}
    whole = dict(own) | {"encoder_args": {"pretrained": False}}
    if first.text_encoder is not None and first.text_encoder.get("trainable"):
        whole["text_encoder"] = dict(first.text_encoder) | {"pretrained": False}
    model = Ensemble(**whole)
    for place, member in zip(model.members, members, strict=True):
        place.load_state_dict(member.model.state_dict(), strict=True)
    answers = members[0].model.presence is not None
    config = ModelConfig(
        method=Ensemble.name,
        arguments=own,
        size=first.size,
        fit=first.fit,
        text_encoder=first.text_encoder,
        text_encoder_sha256=first.text_encoder_sha256,
        laterality=first.laterality,
        threshold=_mean([member.config.threshold for member in members]),
        presence={"scale": 1.0, "bias": 0.0, "threshold": _mean([p["threshold"] for p in presences])}
        if answers
        else None,
        modalities=first.modalities,
        plain=first.plain,
    )
    scores = [dict(member.metrics) for member in members]
    return save_model(output, model, config, card=_card(first, scores), metrics={"members": scores})


def _check_equal(one: LoadedModel, other: LoadedModel) -> None:
    differing = [name for name in _EQUAL if getattr(one.config, name) != getattr(other.config, name)]
    if dict(one.config.arguments) != dict(other.config.arguments):
        differing.append("arguments")
    if differing:
        raise ModelError(
            f"{one.folder} and {other.folder} cannot be one ensemble: they differ in {', '.join(differing)}"
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _card(first: ModelConfig, scores: Sequence[dict[str, Any]]) -> str:
    lines = [
        "# An ensemble",
        "",
        f"{len(scores)} models of the method {first.method}, which differ in the cases that they were trained on. Each "
        "is asked, and the mean of their probabilities is the answer.",
        "",
        "Research use only: not a medical device.",
        "",
    ]
    dice = [((one.get("val") or {}).get("per_image") or {}).get("dice", {}).get("mean") for one in scores]
    if all(isinstance(value, float) for value in dice):
        shown = ", ".join(f"{value:.4f}" for value in dice)
        lines[4:4] = [f"Dice per image of each, on the cases that it alone did not train on: {shown}.", ""]
    return "\n".join(lines)
