"""Scores of classes: an image's sentences name one class each, and every pixel goes to one class or to none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.errors import ConfigError
from lexseg.evaluation.bootstrap import Bootstrap
from lexseg.metrics.overlap import EMPTY_RULE, Counts, counts

RULE = "a pixel that several classes found belongs to the most probable, of equals to the first row's"


class Classes:
    """Gathers what the rows of an image found until all of them have come, and scores the classes on one map.

    Args:
        cases: all that will come.
        column: of the manifest, which names the class of each row.

    Raises:
        ConfigError: a row names none, or an image has two rows of one class.
    """

    def __init__(self, cases: Sequence[Case], column: str) -> None:
        self._cases, self.column = cases, column
        self._names = [" ".join(case.extra.get(column, "").split()) for case in cases]
        if blank := [case.where for case, name in zip(cases, self._names, strict=True) if not name]:
            count = f"{len(blank)} of {len(cases)}"
            raise ConfigError(f"--classes {column}: {count} rows name no class in this column, such as {blank[0]}")
        twice = Counter((case.image, name) for case, name in zip(cases, self._names, strict=True))
        if clash := next((key for key, count in twice.items() if count > 1), None):
            raise ConfigError(f"--classes {column}: {clash[0].name} has several rows of the class {clash[1]!r}")
        self._left = Counter(case.image for case in cases)
        self._open: dict[Path, list[tuple[int, NDArray[np.float32], NDArray[np.bool_], bool]]] = {}
        self._tallies: dict[int, Counts] = {}

    def add(
        self,
        index: int,
        found: NDArray[Any],
        mask: NDArray[np.bool_],
        truth: NDArray[np.bool_],
        *,
        located: bool = True,
    ) -> None:
        """Takes in what a row was answered with.

        Args:
            index: of the case.
            found: probabilities or a mask, [H, W], at the size of the others.
            mask: bool[H, W] of it.
            truth: bool[H, W].
            located: whether the truth is known.
        """
        image = self._cases[index].image
        probability = np.where(mask, found, 0).astype(np.float32)
        self._open.setdefault(image, []).append((index, probability, truth, located))
        self._left[image] -= 1
        if self._left[image] == 0:
            self._score(sorted(self._open.pop(image), key=lambda entry: entry[0]))

    def _score(self, rows: Sequence[tuple[int, NDArray[np.float32], NDArray[np.bool_], bool]]) -> None:
        found = np.stack([probability for _, probability, _, _ in rows])
        best = np.where(found.max(0) > 0, found.argmax(0), -1)
        for place, (index, _, truth, located) in enumerate(rows):
            if located:
                self._tallies[index] = counts(best == place, truth)

    def summary(self, *, n_resamples: int, seed: int) -> dict[str, Any]:
        """What the report says: each class, and the mean over classes, in which each class counts the same.

        Intervals are of patients resampled (images where no patient is known), all their classes together.
        """
        members: dict[str, list[int]] = {}
        for index in sorted(self._tallies):
            members.setdefault(self._names[index], []).append(index)
        options = {"n_resamples": n_resamples, "seed": seed}
        each = {}
        for name in sorted(members):
            tallies = [self._tallies[index] for index in members[name]]
            chosen = Bootstrap([self._cases[index].cluster for index in members[name]], **options)
            each[name] = {
                "n": len(tallies),
                "per_image": chosen.per_image(tallies),
                "pooled": chosen.pooled(tallies),
            }
        return {
            "column": self.column,
            "rule": RULE,
            "empty_rule": EMPTY_RULE,
            "n_images": len(self._left),
            "classes": each,
            "mean": self._mean(members, options),
        }

    def _mean(self, members: Mapping[str, Sequence[int]], options: Mapping[str, int]) -> dict[str, Any]:
        """Mean Dice over classes: of each class's mean over images, and of each class's pooled pixels."""
        indices = [index for chosen in members.values() for index in chosen]
        if not indices:
            return {"per_image": None, "pooled": None}
        groups = np.repeat(np.arange(len(members)), [len(chosen) for chosen in members.values()])
        tallies = [self._tallies[index] for index in indices]
        dice = np.array([tally.dice for tally in tallies])
        sums = np.array([(2 * t.tp, 2 * t.tp + t.fp + t.fn) for t in tallies], np.float64)

        def of_classes(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
            totals = [np.bincount(groups, each, minlength=len(members)) for each in (above, below)]
            known = totals[1] > 0
            return float((totals[0][known] / totals[1][known]).mean()) if known.any() else float("nan")

        chosen = Bootstrap([self._cases[index].cluster for index in indices], **options)
        return {
            "per_image": chosen.statistic(lambda w: of_classes(w * dice, w)),
            "pooled": chosen.statistic(lambda w: of_classes(w * sums[:, 0], w * sums[:, 1])),
        }
