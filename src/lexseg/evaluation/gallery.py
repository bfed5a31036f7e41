"""Which cases the report shows, with the masks they need, kept small while thousands of cases pass by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.evaluation.probes import Questions
from lexseg.evaluation.scores import CaseScore

SHOWN = 6
"""How many of the best, of the worst, and of the false alarms are shown."""

WORDS_SHOWN = 4
"""How many cases are shown with the masks of all probes."""

IMAGES_SHOWN, EXPRESSIONS_SHOWN = 4, 6
"""How many images are shown with their expressions side by side, and how many of these."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A case to be shown. Attributes: index: of the case; dice: what ranks it; masks: packed, by question."""

    index: int
    dice: float
    shape: tuple[int, ...]
    masks: Mapping[str, NDArray[np.uint8]]

    def mask(self, name: str = "given") -> NDArray[np.bool_]:
        """bool[H, W], at the image's own size."""
        size = int(np.prod(self.shape))
        return np.unpackbits(self.masks[name], count=size).astype(np.bool_).reshape(self.shape)


@dataclass(slots=True)
class Gallery:
    """The best and the worst of the cases with foreground, false alarms, and a few to compare sentences on.

    Attributes:
        words: indices of the cases whose masks of all probes are to be kept.
        expressions: for each image to be shown with its expressions side by side the indices of their cases.
    """

    words: frozenset[int] = frozenset()
    expressions: Sequence[tuple[int, ...]] = ()
    best: list[Kept] = field(default_factory=list)
    worst: list[Kept] = field(default_factory=list)
    false_alarms: list[Kept] = field(default_factory=list)
    compared: list[Kept] = field(default_factory=list)
    asked: dict[int, Kept] = field(default_factory=dict)

    def offer(self, index: int, score: CaseScore, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Takes a case in if it ranks. The order in which cases come does not matter.

        Args:
            index: of the case.
            score: of the case.
            masks: bool[H, W] at native size, ``given``, the probes and other wordings.
        """
        if not score.located:  # there is nothing to be held against
            return
        kept = _keep(index, score, {"given": masks["given"]})
        if score.has_foreground:
            self.best = sorted([*self.best, kept], key=lambda k: (-k.dice, k.index))[:SHOWN]
            self.worst = sorted([*self.worst, kept], key=lambda k: (k.dice, k.index))[:SHOWN]
        elif score.false_alarm:
            self.false_alarms = sorted([*self.false_alarms, kept], key=lambda k: k.index)[:SHOWN]
        if index in self.words:
            asked = {name: mask for name, mask in masks.items() if name == "given" or name in score.probes}
            self.compared = sorted([*self.compared, _keep(index, score, asked)], key=lambda k: k.index)
        if any(index in members for members in self.expressions):
            self.asked[index] = kept

    def indices(self) -> set[int]:
        """Of all cases that are shown."""
        groups: Iterable[list[Kept]] = (self.best, self.worst, self.false_alarms, self.compared)
        return {kept.index for group in groups for kept in group} | set(self.asked)


def choose_compared(questions: Questions, *, seed: int = 0) -> frozenset[int]:
    """Cases to compare sentences on: drawn by chance, not for effect, from those that a swap of sides alters."""
    if "swapped" not in questions.probes:
        return frozenset()
    changed = np.flatnonzero(questions.changed("swapped"))
    if not changed.size and "none" in questions.probes:
        changed = np.flatnonzero(questions.changed("none"))
    if not changed.size:
        return frozenset()
    rng = np.random.default_rng(seed)
    return frozenset(int(i) for i in rng.choice(changed, size=min(WORDS_SHOWN, changed.size), replace=False))


def choose_expressions(cases: Sequence[Case], *, seed: int = 0) -> list[tuple[int, ...]]:
    """Images to show with their expressions side by side: drawn by chance from those with the most kinds of them.

    Of an image with many expressions some of each kind are taken.
    """
    by_image: dict[object, list[int]] = {}
    for index, case in enumerate(cases):
        if case.expression_kind is not None and case.is_located:
            by_image.setdefault(case.image, []).append(index)
    rng = np.random.default_rng(seed)
    images = [members for members in by_image.values() if len(members) > 1]
    rng.shuffle(images)
    images.sort(key=lambda members: -len({cases[i].expression_kind for i in members}))
    chosen = []
    for members in images[:IMAGES_SHOWN]:
        order = [int(i) for i in rng.permutation(members)]
        # first of each kind in turn, then as they stand in the manifest
        rank = {
            i: sum(cases[j].expression_kind == cases[i].expression_kind for j in order[:at])
            for at, i in enumerate(order)
        }
        chosen.append(tuple(sorted(sorted(order, key=rank.__getitem__)[:EXPRESSIONS_SHOWN])))
    return chosen


def _keep(index: int, score: CaseScore, masks: Mapping[str, NDArray[np.bool_]]) -> Kept:
    packed = {name: np.packbits(mask) for name, mask in masks.items()}
    return Kept(index, score.given.dice, masks["given"].shape, packed)
