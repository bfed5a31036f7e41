"""Fitting "anything is there": a linear probe of a trained encoder, by image-level labels (OURS).

Health is learnt within sources: of two sources, one ill and one healthy, a probe learns the scanner. So the sources
share the fit as ``shares`` says (0: left out), and each image is seen as other scanners would have it. What is healthy
in a film says nothing of a polyp: sources of another kind (``None``) teach a second probe what it is to be asked about.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.cases.case import Case
from lexseg.cases.truth import truth_of
from lexseg.encoders.image.base import ImageEncoder
from lexseg.errors import ConfigError, DataError
from lexseg.metrics.calibration import auroc
from lexseg.models.base import SegmentationModel
from lexseg.models.place import Fit
from lexseg.models.tmca.image_presence import ImagePresence, anything, pooled
from lexseg.seeds import case_generator
from lexseg.training.augment import AugmentConfig
from lexseg.training.views import view_of

VIEWS = 3
"""How often a training image is seen otherwise, beside once as it is."""
KIND_MOST = 100
"""Images of a manifest by which the kind is told, where kinds differ so much that a few suffice."""
KIND_PENALTY = 1.0
"""As `PENALTY`: kinds are easily told, and to be told surely."""
MOST = 1200
"""Training images of a manifest that are looked at."""
STRIDES = (8, 16)
"""Of the maps that are read. The deepest has learnt the training films by heart: a probe of it is right about all of
one hospital's, and on other films of that hospital has an AUROC of .77, one of these .89
(docs/explanation/health.md)."""
PENALTY = 125.0
"""Of the squared weights, against the sum over all views: the inverse of scikit-learn's C, 0.004, over two."""

_AUGMENT = AugmentConfig(zoom=(0.9, 1.15), scanner=0.4)
_BATCH = 16

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image and whether anything is there. Attributes: source: the number of its manifest."""

    image: Path
    present: bool
    source: int


def labelled_images(cases: Sequence[Case], manifests: Sequence[Path]) -> list[LabelledImage]:
    """Distinct images of cases, with whether any sentence of theirs names what is there.

    Foreign questions say nothing of an image, nor does a case of which nothing is known.

    Raises:
        DataError: a mask cannot be used.
    """
    numbers = {path.resolve(): number for number, path in enumerate(manifests)}
    found: dict[tuple[int, Path], bool] = {}
    for case in cases:
        key = (numbers[case.source.resolve()] if case.source else 0, case.image)
        if found.get(key) or case.expression_kind == "foreign" or not case.is_answered:
            continue
        try:
            present = truth_of(case).present
        except DataError as error:
            raise DataError(f"{case.where}: {error}") from error
        if present is not None:
            found[key] = present
    return [LabelledImage(image, present, source) for (source, image), present in found.items()]


def fit_image_presence(
    model: SegmentationModel,
    images: Sequence[LabelledImage],
    size: tuple[int, int],
    *,
    fit: Fit = "stretch",
    shares: Sequence[float | None] = (),
    expected: float | None = None,
    strides: Sequence[int] = STRIDES,
    kind_strides: Sequence[int] = (),
    kind_most: int = KIND_MOST,
    views: int = VIEWS,
    most: int = MOST,
    seed: int = 0,
    progress: Progress | None = None,
) -> ImagePresence:
    """Fit the probe to a model's encoder.

    Args:
        model: trained; its encoder is not changed.
        images: of training.
        size: (height, width) of the model's input.
        fit: how images come to it.
        shares: how much an image of each manifest counts; 0 of those that teach nothing but are of the same kind,
            ``None`` of those of another kind; empty: one.
        expected: the share of images that show something where the model is used; ``None``: as among those of the fit.
        strides: of the maps that are read.
        kind_strides: of the maps by which the kind is told; the deepest if none is given. Kinds that differ by how
            their images were made, as hospitals do, are told by the finest.
        kind_most: images of a manifest by which it is told.
        views: further views of each image.
        most: images of a manifest, drawn by the seed.
        seed: of the images and their views.
        progress: told how many views of how many are done.

    Returns:
        the probe.

    Raises:
        ConfigError: all images hold something, or none does.
        DataError: an image cannot be read.
    """
    share = dict(enumerate(shares)) if shares else dict.fromkeys((one.source for one in images), 1.0)
    chosen = _drawn([one for one in images if share[one.source]], most, seed)
    if len({one.present for one in chosen}) < 2:
        raise ConfigError(
            "whether anything is there is learnt from images with and without a target; one kind is short"
        )
    kinds = _drawn(images, kind_most, seed) if None in share.values() else []
    encoder = cast(ImageEncoder, model.encoder)
    at = encoder.strides.index
    of_kind = [at(s) for s in kind_strides] or [len(encoder.strides) - 1]
    probe = ImagePresence(list(encoder.channels), [at(s) for s in strides], kind=of_kind)
    total, done = len(chosen) * (views + 1) + len(kinds), 0

    def read(wanted: Sequence[LabelledImage], view: int, maps: Sequence[int]) -> Tensor:
        nonlocal done
        rows = []
        for at in range(0, len(wanted), _BATCH):
            part = wanted[at : at + _BATCH]
            seen = [view_of(one.image, size, _AUGMENT, seed=seed, view=view, fit=fit) for one in part]
            found = _maps(model, seen)
            rows.append(pooled([found[i] for i in maps]))
            done += len(part)
            if progress is not None:
                progress(done, total)
        return torch.cat(rows)

    seen = torch.cat([read(chosen, view, probe.read) for view in range(views + 1)])
    present = torch.tensor([float(one.present) for one in chosen]).repeat(views + 1)
    weight = torch.tensor([float(share[one.source] or 0) for one in chosen]).repeat(views + 1) / (views + 1)
    _logistic(probe.answer, seen, present, weight, PENALTY)
    if expected is not None:
        probe.answer.bias.data.add_(_logit(expected) - _logit(float((present * weight).sum() / weight.sum())))
    if kinds:
        own = torch.tensor([float(share[one.source] is not None) for one in kinds])
        assert probe.kind is not None
        _logistic(probe.kind, read(kinds, 0, probe.reads_kind), own, torch.ones(len(kinds)), KIND_PENALTY)
    return probe


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def scores(
    model: SegmentationModel,
    probe: ImagePresence,
    images: Sequence[LabelledImage],
    size: tuple[int, int],
    *,
    fit: Fit = "stretch",
) -> dict[int, float]:
    """AUROC of "anything is there" on other images, by the number of their manifest, where it has both answers."""
    by_source: dict[int, list[LabelledImage]] = defaultdict(list)
    for one in images:
        by_source[one.source].append(one)
    found = {}
    for source, own in sorted(by_source.items()):
        truth = torch.tensor([one.present for one in own])
        if truth.any() and not truth.all():
            parts = [own[at : at + _BATCH] for at in range(0, len(own), _BATCH)]
            seen = [[view_of(one.image, size, _AUGMENT, seed=0, fit=fit) for one in part] for part in parts]
            with torch.no_grad():
                said = torch.cat([anything(probe(_maps(model, part))) for part in seen])
            found[source] = auroc(said.numpy(), truth.numpy())
    return found


def _drawn(images: Sequence[LabelledImage], most: int, seed: int) -> list[LabelledImage]:
    by_source: dict[int, list[LabelledImage]] = defaultdict(list)
    for one in sorted(images, key=lambda one: case_generator(seed, 0, one.image.name).random()):
        by_source[one.source].append(one)
    return [one for own in by_source.values() for one in own[:most]]


@torch.no_grad()
def _maps(model: SegmentationModel, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The encoder's, of inputs float[3, h, w]."""
    return model.eval().encode_image(torch.stack(list(inputs))).maps


def _logistic(probe: nn.Linear, read: Tensor, truth: Tensor, weight: Tensor, penalty: float) -> None:
    """Weighted logistic regression with a squared penalty, on standardised features; the scale is folded in."""
    mean, scale = read.mean(0), read.std(0, correction=0).clamp(min=1e-6)
    x = (read - mean) / scale
    w, b = torch.zeros(x.shape[1], requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=300, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        each = F.binary_cross_entropy_with_logits(x @ w + b, truth, reduction="none")
        value: Tensor = (each * weight).sum() + penalty * w.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        probe.weight.copy_((w / scale)[None])
        probe.bias.copy_((b - (w * mean / scale).sum())[None])
