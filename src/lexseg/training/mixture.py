"""Which images an epoch shows, and which of their sentences it asks about each."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lexseg.cases.case import Case
from lexseg.errors import ConfigError
from lexseg.seeds import case_generator
from lexseg.training.config import CAPTION, TrainConfig, as_list, steps_of
from lexseg.training.grouped_dataset import ImageGroup

Image = tuple[Case, ...]  # the rows of one image


class Mixture:
    """Several manifests in given shares, several sentences an image, kinds of sentences at given rates.

    Nothing is kept from epoch to epoch: each manifest's images stand in an endless row of shuffled passes that the seed
    alone decides, and an epoch is a stretch of it that follows from its number. Where ``trainer.steps`` says how
    long an epoch is and nothing else asks for images with several rows, each row stands there for itself.

    Attributes:
        size: images in an epoch.
        images: distinct images that may be shown.

    Args:
        cases: training cases.
        config: the recipe.

    Raises:
        ConfigError: the shares leave a manifest without images, or no image has a sentence of the kinds asked for.
    """

    def __init__(self, cases: Sequence[Case], config: TrainConfig) -> None:
        data = config.data
        self.seed, self.sentences, self.kinds = config.seed, data.sentences, data.kinds
        self.config = config
        grouped = _by_image(cases) if _draws(config) else _alone(cases)
        images = [rows for rows in grouped if drawn(rows, data.kinds)]
        self.images = len(images)
        if not images:
            raise ConfigError(f"data.kinds is {data.kinds}, but no training image has a sentence of these kinds")
        paths = [Path(p).resolve() for p in as_list(data.cases)]
        self.size = data.epoch_images
        if data.weights:
            if len(data.weights) != len(paths):
                raise ConfigError(
                    f"data.weights is {data.weights}; a number for each of {len(paths)} manifests was expected"
                )
            pools = [[rows for rows in images if _source(rows) == path] for path in paths]
            self.size = self.size or sum(len(pool) for pool, weight in zip(pools, data.weights, strict=True) if weight)
            numbers = shares(self.size, data.weights)
            totals, long = numbers, f"{self.size} images an epoch"
            if config.trainer.steps:
                totals = [sum(of_pool) for of_pool in zip(*self._shown(config.trainer.epochs, 1), strict=True)]
                long = f"{sum(totals)} images in all"
            for path, pool, weight, number in zip(paths, pools, data.weights, totals, strict=True):
                if weight and not (pool and number):
                    why = f"{long} leave it none" if pool else "it has no training image to show"
                    raise ConfigError(f"data.weights gives {path} a share of {weight:g}, but {why}")
        else:
            times: dict[Path | None, int] = dict(zip(paths, data.repeat, strict=False))
            pools = [[rows for rows in images for _ in range(times.get(_source(rows), 1))]]
            numbers = [self.size or len(pools[0])]
            self.size = numbers[0]
        self._pools, self._numbers = pools, numbers

    def epoch(self, epoch: int, world: int = 1) -> list[ImageGroup]:
        """What the epoch shows, in its order: a function of the seed, the recipe, the epoch and how many devices."""
        *earlier, now = self._shown(epoch + 1, world)
        starts = [sum(of_pool) for of_pool in zip(*earlier, strict=True)]
        shown = [
            pool[place]
            for number, (pool, n) in enumerate(zip(self._pools, now, strict=True))
            for place in stretch(len(pool), starts[number] if starts else 0, n, f"{self.seed}/{number}")
        ]
        order = case_generator(self.seed, epoch, "order").permutation(len(shown))
        seen: Counter[str] = Counter()
        visits = []
        for rows in (shown[place] for place in order):
            key = rows[0].id
            seen[key] += 1
            if seen[key] > 1:  # an image that comes again is neither augmented nor asked in the same way
                key = f"{key}#{seen[key] - 1}"
            rng = case_generator(self.seed, epoch, f"{key}/sentences")
            visits.append(ImageGroup(choose(rows, self.sentences, self.kinds, rng), key))
        return visits

    def _shown(self, epochs: int, world: int) -> list[list[int]]:
        """How many images of each pool each of the first epochs shows; what rounding keeps from one it gets later."""
        data, trainer = self.config.data, self.config.trainer
        if not trainer.steps:
            return [self._numbers] * epochs
        numbers: list[list[int]] = []
        before = [0] * max(1, len(data.weights))
        for epoch in range(epochs):
            n = steps_of(trainer, epoch) * trainer.accumulate * data.batch_size * world
            numbers.append(shares(n, data.weights or [1.0], before))
            before = [had + more for had, more in zip(before, numbers[-1], strict=True)]
        return numbers


def second_stream(config: TrainConfig) -> TrainConfig:
    """The recipe by which images without a mask are drawn: evenly, one sentence each, as many steps as the first."""
    size = config.regime.batch or config.data.batch_size
    alone: dict[str, Any] = {"weights": [], "repeat": [], "kinds": {}, "sentences": 1, "epoch_images": 0}
    return replace(config, data=replace(config.data, batch_size=size, **alone))


def is_mixture(config: TrainConfig) -> bool:
    """Whether an epoch is drawn; else it is all training cases, each once."""
    return _draws(config) or bool(config.trainer.steps)


def _draws(config: TrainConfig) -> bool:
    """Whether images are drawn and then asked about; else each row is a sample of its own."""
    data = config.data
    return data.sentences > 1 or bool(data.kinds or data.weights or data.epoch_images)


def shares(n: int, weights: Sequence[float], before: Sequence[int] = ()) -> list[int]:
    """Divide ``n`` by weights into whole numbers, the largest remainders rounded up.

    Args:
        n: what to divide.
        weights: not all 0.
        before: what each was given of earlier numbers; who fell short then comes first now.
    """
    given = before or [0] * len(weights)
    total = n + sum(given)
    owed = [total * weight / sum(weights) - had for weight, had in zip(weights, given, strict=True)]
    numbers = [max(0, math.floor(each + 1e-9)) for each in owed]
    while (left := n - sum(numbers)) != 0:
        if left > 0:
            numbers[max(range(len(owed)), key=lambda i: owed[i] - numbers[i])] += 1
        else:
            some = [i for i, number in enumerate(numbers) if number]
            numbers[min(some, key=lambda i: owed[i] - numbers[i])] -= 1
    return numbers


def stretch(size: int, start: int, n: int, name: str) -> list[int]:
    """``n`` places from ``start`` on in an endless row of shuffled passes through ``size`` things.

    Args:
        size: how many things there are; each pass holds all of them.
        start: of the stretch.
        n: its length.
        name: what the order is a function of, together with the number of the pass.
    """
    places: list[int] = []
    while len(places) < n:
        number, offset = divmod(start + len(places), size)
        order = case_generator(0, number, f"pass/{name}").permutation(size)
        places.extend(order[offset : offset + n - len(places)].tolist())
    return places


def kind_of(case: Case) -> str:
    """``one``, ``several`` or ``none`` of a referring expression, ``caption`` of any other sentence."""
    return case.expression_kind or CAPTION


def drawn(rows: Sequence[Case], kinds: Mapping[str, float]) -> list[Case]:
    """The rows that may be drawn: all, or those of a kind with a rate above 0."""
    return [case for case in rows if not kinds or kinds.get(kind_of(case), 0) > 0]


def choose(rows: Sequence[Case], n: int, kinds: Mapping[str, float], rng: np.random.Generator) -> tuple[Case, ...]:
    """Draw ``n`` rows of an image, none twice before all have been drawn.

    Args:
        rows: of the image.
        n: how many.
        kinds: how often each kind is drawn, against the others; kinds that are not there (any more) are left out.
            Empty: all rows evenly.
        rng: what decides.
    """
    able = drawn(rows, kinds)
    chosen: list[Case] = []
    left: dict[str, list[Case]] = {}
    while len(chosen) < n:
        if not any(left.values()):
            left = defaultdict(list)
            for place in rng.permutation(len(able)):
                left[kind_of(able[place]) if kinds else ""].append(able[place])
        names = sorted(name for name in left if left[name])
        rates = np.array([kinds[name] if kinds else 1.0 for name in names])
        name = names[int(rng.choice(len(names), p=rates / rates.sum()))] if len(names) > 1 else names[0]
        chosen.append(left[name].pop())
    return tuple(chosen)


def _by_image(cases: Sequence[Case]) -> list[Image]:
    """Distinct cases by image, in the order in which images first occur."""
    images: dict[tuple[Path | None, Path], dict[str, Case]] = defaultdict(dict)
    for case in cases:
        images[case.source, case.image][case.id] = case
    return [tuple(rows.values()) for rows in images.values()]


def _alone(cases: Sequence[Case]) -> list[Image]:
    """Each distinct case for itself."""
    return [(case,) for case in {(case.source, case.id): case for case in cases}.values()]


def _source(rows: Image) -> Path | None:
    return rows[0].source.resolve() if rows[0].source else None
