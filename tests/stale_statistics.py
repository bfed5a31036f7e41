"""What running statistics that lag behind cost: one small training, and its weights scored by three kinds of them.

Also what the words are to the same weights: asked without them, and with left and right swapped.

    python tests/stale_statistics.py DATA unet-lite languide-lite lsms-lite model.swapped_weight=0 [--steps 150]

DATA holds ``qata_covid19/cases.csv``. A recipe is followed by what is changed in its model. Momentum touches no weight,
so that Lite0's statistics of momentum 0.01 (TensorFlow's, which LexSeg had), of 0.1 (which it has) and exact ones (of
192 training films) can be held against one another on the very same weights: 96 px, batches of 8, bf16, no
augmentation, no average of weights; Dice per image at 96 px on 200 validation films, intervals over patients.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.comparison.plan_file import shipped_lists
from lexseg.comparison.worker import some_images
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.batch import TextBatch, no_sentences
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.swapped import with_swapped
from lexseg.language.sides import mirror_words
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

    def __init__(
        self, cases: list[Case], pixels: tuple[Tensor, Tensor], states: TextBatch, row: dict[str, int]
    ) -> None:
        self.cases, self.states, self.row = cases, states, row
        self.images, self.masks = pixels

    def text(self, chosen: Tensor, mirrored: bool = False) -> TextBatch:
        """What is said of the films; with left and right swapped, if so asked."""
        texts = [self.cases[int(i)].text for i in chosen]
        if mirrored:
            texts = [mirror_words(text, "horizontal") for text in texts]
        return _rows(self.states, torch.tensor([self.row[text] for text in texts]))


def _rows(states: TextBatch, at: Tensor) -> TextBatch:
    assert states.states is not None
    return replace(
        states,
        attention_mask=states.attention_mask[at],
        caption_id=states.caption_id[at],
        is_null=states.is_null[at],
        states=states.states[at],
        swapped=tuple(_rows(other, at) for other in states.swapped),
    )


@cache
def read_cases(data: Path) -> tuple[list[Case], list[Case]]:
    """The thousand to train on, and those that are scored."""
    cases = read_manifest(data / "qata_covid19" / "cases.csv")
    known = {c.id for c in cases if c.split == "train"}
    listed = set(read_ids(shipped_lists()["qata-1000"], known, "training case"))
    val = some_images([c for c in cases if c.split == "val"], SCORED)
    return [c for c in cases if c.split == "train" and c.id in listed], val


@cache
def read_pixels(data: Path) -> list[tuple[Tensor, Tensor]]:
    """Images and masks of both."""
    found = []
    for cases in read_cases(data):
        images = [torch.from_numpy(np.asarray(read_image(c.image), np.float32))[None, None] for c in cases]
        masks = [torch.from_numpy(read_mask(c.mask)).float()[None, None] for c in cases if c.mask is not None]
        small = [F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True) for x in images]
        truth = torch.cat([F.interpolate(m, (SIDE, SIDE), mode="nearest") for m in masks])
        found.append((torch.cat(small).expand(-1, 3, -1, -1), truth))
    return found


def read_films(data: Path, recipe: str) -> tuple[Films, Films]:
    """Both, with the words as the recipe's text encoder has them."""
    said = {c.text for cases in read_cases(data) for c in cases}
    captions = sorted(said | {mirror_words(text, "horizontal") for text in said})
    with torch.no_grad():
        states = with_swapped(TextPipeline(create_text_encoder(read_recipe(recipe).text)))(captions)
    row = {caption: i for i, caption in enumerate(captions)}
    train, val = (Films(c, p, states, row) for c, p in zip(read_cases(data), read_pixels(data), strict=True))
    return train, val


def train(model: SegmentationModel, config: object, films: Films, steps: int) -> Moments:
    """Train, and keep beside Lite0's own statistics those of the old momentum."""
    norms = [m for m in model.encoder.modules() if isinstance(m, nn.BatchNorm2d) and m.eps == 1e-3]  # Lite0's
    old: Moments = {m: (m.running_mean.clone(), m.running_var.clone()) for m in norms}

    def follow(norm: nn.BatchNorm2d, given: tuple[Tensor]) -> None:
        if not norm.track_running_stats:  # a pass whose statistics are not kept
            return
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
def dice(model: SegmentationModel, films: Films, words: Callable[[Tensor], TextBatch]) -> np.ndarray:
    """Of each film, asked with ``words``."""
    model.eval()
    found = []
    for at in torch.arange(len(films.cases)).split(20):
        mask, truth = model(films.images[at], words(at)).logits > 0, films.masks[at] > 0.5
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


def measured(
    recipe: str, changes: dict[str, object], data: Path, steps: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Print what the three kinds of statistics and other words score, and how they differ; Dice of each film."""
    config = read_recipe(recipe)
    films, scored = read_films(data, recipe)
    torch.manual_seed(0)
    encoder = create_text_encoder(config.text)
    model = create_model(config.method, **(model_arguments(config, encoder) | changes)).train()
    old = train(model, config, films, steps)
    found = {
        "0.1": dice(model, scored, scored.text),
        "no words": dice(model, scored, lambda at: no_sentences(scored.text(at), len(at))),
        "mirrored": dice(model, scored, partial(scored.text, mirrored=True)),
    }
    for norm, (mean, var) in old.items():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
    found["0.01"] = dice(model, scored, scored.text)
    settle(model, films)
    found["exact"] = dice(model, scored, scored.text)
    patients = [c.patient or c.id for c in scored.cases]
    print(recipe, json.dumps(changes), {name: round(float(each.mean()), 4) for name, each in found.items()})
    print_differences("0.1", found, patients)
    return found, patients


def print_differences(reference: str, found: dict[str, np.ndarray], patients: list[str]) -> None:
    """How all others differ from one of the scores, with intervals over patients."""
    ones = np.ones((len(patients), 1))
    terms = {name: ((each - found[reference])[:, None], ones) for name, each in found.items() if name != reference}
    bootstrap = PatientBootstrap(patients)
    for name, (value, drawn) in bootstrap.scores(terms).items():
        low, high = bootstrap.interval(drawn)
        print(f"  {name} less {reference}: {value:+.4f} [{low:+.4f}, {high:+.4f}]", flush=True)


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
    together, patients = {}, []
    for recipe, changes in asked:
        found, patients = measured(recipe, changes, args.data, args.steps)
        together[" ".join((recipe, *(f"{name}={value}" for name, value in changes.items())))] = found["0.1"]
    for name in list(together)[:-1]:
        print_differences(name, together, patients)


if __name__ == "__main__":
    main()
