"""Gathers the switch score of each image while its expressions pass by one at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.metrics.listening import iou_matrix, switch_scores


@dataclass(frozen=True, slots=True)
class Switch:
    """The switch score of an image. Attributes: cluster: whose it is; score: -1..1; pairs: of expressions."""

    cluster: str
    score: float
    pairs: int


class Switching:
    """Keeps the masks of an image's expressions until all of them have come, and then only their score.

    Args:
        cases: all that will come.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._waiting = Counter(case.image for case in cases if case.expression_kind is not None)
        self._masks: dict[Path, list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]] = {}
        self._found: dict[Path, Switch] = {}

    @property
    def scores(self) -> list[Switch]:
        """Of the images that have at least two expressions with different targets, in the order of their paths."""
        return [self._found[path] for path in sorted(self._found)]

    def add(self, index: int, prediction: NDArray[np.bool_], target: NDArray[np.bool_]) -> None:
        """Takes in what a case was answered with; sentences about whole images are passed over.

        Args:
            index: of the case.
            prediction: bool[H, W].
            target: bool[H, W].
        """
        case = self._cases[index]
        if case.expression_kind is None:
            return
        self._waiting[case.image] -= 1
        kept = self._masks.setdefault(case.image, [])
        if target.any():
            kept.append((np.packbits(prediction), np.packbits(target)))
        if self._waiting[case.image] == 0:
            del self._masks[case.image]
            self._score(case, kept, target.shape)

    def _score(
        self, case: Case, kept: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], shape: tuple[int, ...]
    ) -> None:
        if len(kept) < 2:
            return
        pixels = int(np.prod(shape))
        found, true = (
            np.stack([np.unpackbits(pair[side], count=pixels) for pair in kept]).astype(np.bool_) for side in (0, 1)
        )
        scores = switch_scores(iou_matrix(found, true), iou_matrix(true, true), np.ones(len(kept), dtype=np.bool_))
        if scores.size:
            self._found[case.image] = Switch(case.cluster, float(scores.mean()), int(scores.size))
