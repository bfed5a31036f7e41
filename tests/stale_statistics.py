"""What running statistics that lag behind cost: one small training, and its weights scored by three kinds of them.

    python tests/stale_statistics.py DATA unet-lite languide-lite lsms-lite model.swapped_weight=0 [--steps 150]

DATA holds ``qata_covid19/cases.csv``. A recipe is followed by what is changed in its model. Momentum touches no weight,
so that Lite0's statistics of momentum 0.01 (TensorFlow's, which LexSeg had), of 0.1 (which it has) and exact ones (of
192 training films) can be held against one another on the very same weights: 96 px, batches of 8, bf16, no
augmentation, no average of weights; Dice per image at 96 px on 200 validation films, intervals over patients.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.comparison.plan import shipped_lists
from lexseg.comparison.worker import some_images
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.losses.target import Target
from lexseg.metrics.comparison import PatientBootstrap
from lexseg.models import create_model
from lexseg.models.base import SegmentationModel
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.training.id_list import read_ids
from lexseg.training.optimizer import build_optimizer
from lexseg.training.prepare import model_arguments
from lexseg.training.recipe import read_recipe

SIDE, BATCH, SCORED, OLD = 96, 8, 200, 0.01
Moments = dict[nn.BatchNorm2d, tuple[Tensor, Tensor]]


class Films:
    """Films with their masks and captions, small and in memory."""

    def __init__(self, cases: list[Case], states: TextBatch, row: dict[str, int]) -> None:
        self.cases, self.states, self.row = cases, states, row
        images = [torch.from_numpy(np.asarray(read_image(c.image), np.float32))[None, None] for c in cases]
        masks = [torch.from_numpy(read_mask(c.mask)).float()[None, None] for c in cases if c.mask is not None]
        small = [F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True) for x in images]
        self.images = torch.cat(small).expand(-1, 3, -1, -1)
        self.masks = torch.cat([F.interpolate(m, (SIDE, SIDE), mode="nearest") for m in masks])

    def text(self, chosen: Tensor) -> TextBatch:
        at = torch.tensor([self.row[self.cases[int(i)].text] for i in chosen])
        told = self.states
        assert told.states is not None
        return replace(
            told,
            attention_mask=told.attention_mask[at],
            caption_id=told.caption_id[at],
            is_null=told.is_null[at],
            states=told.states[at],
        )


def read_films(data: Path, recipe: str) -> tuple[Films, Films]:
    """The thousand to train on, and those that are scored."""
    cases = read_manifest(data / "qata_covid19" / "cases.csv")
    known = {c.id for c in cases if c.split == "train"}
    listed = set(read_ids(shipped_lists()["qata-1000"], known, "training case"))
    train = [c for c in cases if c.split == "train" and c.id in listed]
    val = some_images([c for c in cases if c.split == "val"], SCORED)
    captions = sorted({c.text for c in (*train, *val)})
    with torch.no_grad():
        states = TextPipeline(create_text_encoder(read_recipe(recipe).text))(captions)
    row = {caption: i for i, caption in enumerate(captions)}
    return Films(train, states, row), Films(val, states, row)


def train(model: SegmentationModel, config: object, films: Films, steps: int) -> Moments:
    """Train, and keep beside Lite0's own statistics those of the old momentum."""
    norms = [m for m in model.encoder.modules() if isinstance(m, nn.BatchNorm2d) and m.eps == 1e-3]  # Lite0's
    old: Moments = {m: (m.running_mean.clone(), m.running_var.clone()) for m in norms}

    def follow(norm: nn.BatchNorm2d, given: tuple[Tensor]) -> None:
        x = given[0].detach().float().transpose(0, 1).flatten(1)
        old[norm] = tuple((1 - OLD) * a + OLD * b for a, b in zip(old[norm], (x.mean(1), x.var(1)), strict=True))

    hooks = [norm.register_forward_pre_hook(follow) for norm in norms]
    optimizer, schedule = build_optimizer(model, config.optimizer, steps)
    drawn = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(len(films.cases), generator=drawn) for _ in range(-(-steps * BATCH // 1000) + 1)])
    for step in range(steps):
        at = order[step * BATCH : (step + 1) * BATCH]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = model.training_losses(films.images[at], films.text(at), Target(films.masks[at]))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    for hook in hooks:
        hook.remove()
    return old


@torch.no_grad()
def dice(model: SegmentationModel, films: Films) -> np.ndarray:
    """Of each film."""
    model.eval()
    found = []
    for at in torch.arange(len(films.cases)).split(20):
        mask, truth = model(films.images[at], films.text(at)).logits > 0, films.masks[at] > 0.5
        both = (mask.sum((1, 2, 3)) + truth.sum((1, 2, 3))).clamp(min=1)
        found.append(2 * (mask & truth).sum((1, 2, 3)) / both)
    return torch.cat(found).double().numpy()


@torch.no_grad()
def settle(model: SegmentationModel, films: Films) -> None:
    """Statistics of the weights as they are."""
    for norm in [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all passes
    model.train()
    for at in torch.arange(192).split(16):
        model(films.images[at], films.text(at))


def measured(recipe: str, changes: dict[str, object], data: Path, steps: int) -> None:
    """Print what the three kinds of statistics score, and how they differ."""
    config = read_recipe(recipe)
    films, scored = read_films(data, recipe)
    torch.manual_seed(0)
    encoder = create_text_encoder(config.text)
    model = create_model(config.method, **(model_arguments(config, encoder) | changes)).train()
    old = train(model, config, films, steps)
    found = {"0.1": dice(model, scored)}
    for norm, (mean, var) in old.items():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
    found["0.01"] = dice(model, scored)
    settle(model, films)
    found["exact"] = dice(model, scored)
    bootstrap, ones = PatientBootstrap([c.patient or c.id for c in scored.cases]), np.ones((len(scored.cases), 1))
    terms = {"0.1 less 0.01": found["0.1"] - found["0.01"], "exact less 0.1": found["exact"] - found["0.1"]}
    scores = bootstrap.scores({name: (each[:, None], ones) for name, each in terms.items()})
    print(recipe, json.dumps(changes), {name: round(float(each.mean()), 4) for name, each in found.items()})
    for name, (value, drawn) in scores.items():
        print("  {}: {:+.4f} [{:+.4f}, {:+.4f}]".format(name, value, *bootstrap.interval(drawn)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("recipes", nargs="+", metavar="RECIPE [model.NAME=VALUE ...]")
    parser.add_argument("--steps", type=int, default=150)
    args = parser.parse_args()
    asked: list[tuple[str, dict[str, object]]] = []
    for word in args.recipes:
        if "=" in word:
            name, _, value = word.removeprefix("model.").partition("=")
            asked[-1][1][name] = yaml.safe_load(value)
        else:
            asked.append((word, {}))
    torch.set_num_threads(1)
    for recipe, changes in asked:
        measured(recipe, changes, args.data, args.steps)


if __name__ == "__main__":
    main()
