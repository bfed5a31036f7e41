"""Teaching a small model what large ones say: their masks and their presence as soft targets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lexseg.errors import ConfigError
from lexseg.files import new_folder
from lexseg.metrics.overlap import EMPTY_RULE
from lexseg.models import create_model
from lexseg.models.base import SegmentationModel
from lexseg.models.io import ModelConfig, save_model
from lexseg.training import prepare, start
from lexseg.training.calibration import fit_presence
from lexseg.training.config import TrainConfig
from lexseg.training.teacher.bare import augmentation, read_teacher
from lexseg.training.teacher.batches import Batches, Soft
from lexseg.training.teacher.contents import Pack, read_pack
from lexseg.training.teacher.fit import Answers, FitOptions, Say, answer, fit, scored


def distil(
    config: TrainConfig,
    folder: Path,
    teachers: Sequence[Path],
    output: Path,
    options: FitOptions,
    *,
    share: float = 0.5,
    init: str | None = None,
    say: Say = print,
) -> Path:
    """Train the recipe's model on a pack, its targets mixed with what the teachers say.

    Args:
        config: the student's recipe: its model, augmentation and rates. Its manifests are not read.
        folder: the pack's: the teachers' own, or a larger one of the same recipe.
        teachers: folders that `train_teacher` has left; several are averaged.
        output: the run's folder; new or empty. The model is in ``output/model``.
        options: how long.
        share: of the teachers in a target, 0 to 1; the rest is the truth.
        init: the model that the student starts from: a bundled name, a folder or a hub id.
        say: told how it goes.

    Returns:
        the model folder.

    Raises:
        ConfigError: the share is none, or the student reads another text encoder than the pack was made with.
        DataError: the pack or a teacher is missing or damaged.
        ModelError: the student cannot be built, or cannot start from ``init``.
    """
    if not 0 <= share <= 1 or not teachers:
        raise ConfigError(f"--share is {share:g}, with {len(teachers)} teachers; from 0 to 1, and one or more please")
    pack = read_pack(folder)
    encoder = prepare.text_encoder(config, [])
    if encoder is None or encoder.trainable or encoder.fingerprint() != pack.about["text_encoder_sha256"]:
        raise ConfigError("the recipe's text encoder is not the frozen one whose states are in the pack")
    torch.manual_seed(config.seed)
    arguments = prepare.model_arguments(config, encoder)
    model = create_model(config.method, **arguments)
    if init is not None:
        start.initialise(model, config, encoder, start.load(init))
    with new_folder(output) as run:
        soft = ensemble(pack, teachers, say)
        changes = augmentation(asdict(config.augment))
        batches = Batches(pack, changes, seed=config.seed, soft=soft, share=share)
        model = fit(model, batches, config.optimizer, options, say)
        said = answer(model, batches, pack.questions(training=False), size=options.size, precision=options.precision)
        scores = scored(said, batches, pack.questions(training=False))
        say("validation: " + ", ".join(f"{name} {value:.4g}" for name, value in scores.items()))
        written = ModelConfig(
            method=config.method,
            arguments=arguments,
            size=(options.size or pack.size, options.size or pack.size),
            text_encoder=encoder.config(),
            text_encoder_sha256=encoder.fingerprint(),
            laterality=pack.about["laterality"],
            presence=calibrated(said, pack),
        )
        metrics = {"val": _validation(scores, pack), "seed": config.seed}
        card = _card(written, model, pack, scores, len(teachers))
        save_model(run / "model", model, written, card=card, metrics=metrics)
        about = {"share": share, "init": init, "teachers": len(teachers), "options": asdict(options)}
        (run / "distil.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    return output / "model"


def ensemble(pack: Pack, teachers: Sequence[Path], say: Say = print) -> Soft:
    """What teachers say of all of a pack's questions, averaged: probabilities of pixels and of presence.

    Where a teacher does not answer "is it there?", the truth stands for it.
    """
    batches, questions = Batches(pack, augmentation({})), torch.arange(len(pack.image))
    probability = torch.zeros(len(questions), pack.size, pack.size)
    present = torch.zeros(len(questions))
    for number, folder in enumerate(teachers, start=1):
        model, about = read_teacher(folder)
        if about["text_encoder_sha256"] != pack.about["text_encoder_sha256"]:
            raise ConfigError(f"{folder}: this teacher reads another text encoder than the pack was made with")
        said = answer(model, batches, questions, size=about["size"])
        probability += said.probability.float() / len(teachers)
        present += torch.where(said.presence.isnan(), pack.present, said.presence.sigmoid()) / len(teachers)
        say(f"teacher {number} of {len(teachers)} has answered {len(questions):,} questions")
    return Soft(probability.round().to(torch.uint8), present)


def calibrated(said: Answers, pack: Pack) -> dict[str, float] | None:
    """The calibration of presence on a pack's validation questions, as training makes it."""
    questions = pack.questions(training=False)
    known = pack.present[questions].isfinite() & said.presence.isfinite()
    if not known.any():
        return None
    return fit_presence(said.presence[known].numpy(), pack.present[questions][known].numpy() == 1)


def _validation(scores: Mapping[str, float], pack: Pack) -> dict[str, Any] | None:
    if "dice" not in scores:
        return None
    return {
        "n": int(scores["n_present"]),
        "resolution": f"{pack.size} x {pack.size}",
        "empty_rule": EMPTY_RULE,
        "per_image": {"dice": {"mean": scores["dice"]}},
        "pooled": {"dice": scores["pooled"]},
    }


def _card(
    written: ModelConfig, model: SegmentationModel, pack: Pack, scores: Mapping[str, float], teachers: int
) -> str:
    told = "".join(f"| {name} | {value:.4g} |\n" for name, value in scores.items())
    return f"""---
library_name: lexseg
tags: [medical, image-segmentation, language-guided]
---

# {written.method}, distilled (LexSeg {version("lexseg")})

**Research use only. Not a medical device.**

Method `{written.method}`, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, taught by {teachers} \
larger model{"s" if teachers > 1 else ""}. It reads images of any size, stretched to {written.size[0]} x \
{written.size[1]} pixels. It was drawn from {pack.about["cases"]:,} training cases.

## Validation

At {pack.size} x {pack.size} pixels, not at each mask's own size: score it with `lexseg evaluate`.

| | |
|---|---|
{told}
## Data

Name the data sets, their terms and whom they show here before you hand the model on.
"""
