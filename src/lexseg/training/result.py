"""The model folder that a run leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lexseg.cases.case import Case
from lexseg.datasets.phantoms.mark import all_phantoms
from lexseg.encoders.text.base import TextEncoder
from lexseg.language.sides import mentions_side
from lexseg.metrics.overlap import EMPTY_RULE
from lexseg.models.base import SegmentationModel
from lexseg.models.io import ModelConfig, save_model
from lexseg.models.within import Around
from lexseg.training.card import model_card
from lexseg.training.config import TrainConfig, size_at
from lexseg.training.prepare import chosen, model_arguments, validated
from lexseg.training.regimes.labels import labelled


def save_run_model(
    folder: Path,
    model: SegmentationModel,
    config: TrainConfig,
    encoder: TextEncoder | None,
    cases: Sequence[Case],
    scores: Mapping[str, Any],
) -> None:
    """Write the model folder of a run.

    Args:
        folder: where to; an older model there is replaced once this one is complete.
        model: the network.
        config: the recipe.
        encoder: what reads the sentences; ``None`` for image-only models.
        cases: all of the run.
        scores: ``epoch`` (from 0), ``monitor``, ``presence`` (its calibration) and ``val``: what
            :meth:`lexseg.training.task.SegmentationTask.scores` gives, or ``None`` if not validated.
    """
    side = size_at(config.data, scores["epoch"], config.trainer.epochs)  # at which it was scored
    training, validation = chosen(cases, "train"), validated(cases, config)
    lateralities = {c.laterality for c in training}
    if len(lateralities) > 1:  # a sentence that names no side has no convention
        lateralities = {c.laterality for c in training if any(map(mentions_side, c.texts))} or lateralities
    arguments = model_arguments(config, encoder)
    if isinstance(model, Around):
        arguments = model.configuration(config.method, arguments)
    written = ModelConfig(
        method=model.name if isinstance(model, Around) else config.method,
        arguments=arguments,
        size=(side, side),
        fit=config.data.fit,
        text_encoder=None if encoder is None else encoder.config(),
        text_encoder_sha256=None if encoder is None or encoder.trainable else encoder.fingerprint(),
        laterality=lateralities.pop() if len(lateralities) == 1 else None,
        presence=scores["presence"],
    )
    val = scores["val"]
    metrics = {
        "val": val
        and {
            "n": sum(case.is_located for case in validation),
            "resolution": "native",
            "empty_rule": EMPTY_RULE,
            "per_image": {"dice": {"mean": val["per_image"]}},
            "pooled": {"dice": val["pooled"]},
        }
        | ({"phantoms": True} if all_phantoms(validation) else {})
        | ({"referring": {k: val[k] for k in ("n_acc", "t_acc") if k in val}} if "n_acc" in val else {})
        | ({"presence": {"auroc": val["presence_auroc"]}} if "presence_auroc" in val else {}),
        "epoch": scores["epoch"],
        "monitor": scores["monitor"],
        "seed": config.seed,
    }
    card = model_card(config, written, metrics, sum(p.numel() for p in model.parameters()), len(labelled(cases)))
    save_model(folder, model, written, card=card, metrics=metrics)
