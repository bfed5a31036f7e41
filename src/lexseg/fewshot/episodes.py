"""Episodes: a few sparsely labelled images of a task, and others of it to be asked about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lexseg.fewshot.labels import TARGET, UNKNOWN, shrunk
from lexseg.fewshot.sparse import drawn_style, sparsify
from lexseg.models.fewshot.heads.base import Pixels
from lexseg.scans.open import Bool

_QUERY = 1000  # pixels of an image that a head is asked about


@dataclass(frozen=True, slots=True, eq=False)
class TaskImage:
    """An image of a task as heads see it. Attributes: values: float16[C, h, w], embedded; mask: bool[H, W]; words."""

    values: Tensor
    mask: Bool
    words: Tensor | None


def draw_episode(
    tasks: Sequence[Sequence[TaskImage]], rng: np.random.Generator, *, shots: int, queries: int = 2
) -> tuple[Pixels, Pixels]:
    """The labelled pixels of a task's support, and pixels of its queries whose classes are all known.

    One style of labels and one density for the whole episode.

    Args:
        tasks: each with two images or more.
        rng: chance.
        shots: images of the support at most; each number from 1 to that is drawn as often.
        queries: images that are asked about.
    """
    task = tasks[int(rng.integers(len(tasks)))]
    order = rng.permutation(len(task))
    count = min(int(rng.integers(1, shots + 1)), len(task) - 1)
    style, density = drawn_style(rng)
    support, query = [], []
    for number, place in enumerate(order[:count]):
        image = task[int(place)]
        labels = shrunk(sparsify(image.mask, style, rng, **density), _size(image))
        support.append(_pixels(image, labels, number))
    for number, place in enumerate(order[count : count + queries]):
        image = task[int(place)]
        labels = shrunk(np.where(image.mask, np.uint8(255), np.uint8(0)), _size(image))
        every = _pixels(image, labels, number)
        query.append(every.of(torch.from_numpy(rng.permutation(len(every.labels))[:_QUERY])))
    return _joined(support), _joined(query)


def usable(support: Pixels, query: Pixels) -> bool:
    """Whether an episode holds both classes on both sides: a class without a pixel has no mean."""
    return all(part.labels.numel() and part.labels.min() < part.labels.max() for part in (support, query))


def _size(image: TaskImage) -> tuple[int, int]:
    return int(image.values.shape[1]), int(image.values.shape[2])


def _pixels(image: TaskImage, labels: NDArray[np.uint8], number: int) -> Pixels:
    flat = torch.from_numpy(labels.copy()).flatten()
    known = torch.nonzero(flat != UNKNOWN)[:, 0]
    values = image.values.flatten(1)[:, known].T.float()
    return Pixels(values, (flat[known] == TARGET).float(), torch.full((len(known),), number), image.words)


def _joined(parts: Sequence[Pixels]) -> Pixels:
    values, labels, image = (torch.cat([getattr(p, name) for p in parts]) for name in ("values", "labels", "image"))
    return Pixels(values, labels, image, parts[0].words)
