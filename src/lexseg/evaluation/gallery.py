"""Which cases the report shows, with the masks they need, kept small while thousands of cases pass by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lexseg.evaluation.probes import Questions
from lexseg.evaluation.scores import CaseScore

SHOWN = 6
"""How many of the best, of the worst, and of the false alarms are shown."""

WORDS_SHOWN = 4
"""How many cases are shown with the masks of all probes."""


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
    """

    words: frozenset[int] = frozenset()
    best: list[Kept] = field(default_factory=list)
    worst: list[Kept] = field(default_factory=list)
    false_alarms: list[Kept] = field(default_factory=list)
    compared: list[Kept] = field(default_factory=list)

    def offer(self, index: int, score: CaseScore, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Takes a case in if it ranks. The order in which cases come does not matter.

        Args:
            index: of the case.
            score: of the case.
            masks: bool[H, W] at native size, ``given`` and the probes.
        """
        kept = _keep(index, score, {"given": masks["given"]})
        if score.has_foreground:
            self.best = sorted([*self.best, kept], key=lambda k: (-k.dice, k.index))[:SHOWN]
            self.worst = sorted([*self.worst, kept], key=lambda k: (k.dice, k.index))[:SHOWN]
        elif score.false_alarm:
            self.false_alarms = sorted([*self.false_alarms, kept], key=lambda k: k.index)[:SHOWN]
        if index in self.words:
            self.compared = sorted([*self.compared, _keep(index, score, masks)], key=lambda k: k.index)

    def indices(self) -> set[int]:
        """Of all cases that are shown."""
        groups: Iterable[list[Kept]] = (self.best, self.worst, self.false_alarms, self.compared)
        return {kept.index for group in groups for kept in group}


def choose_compared(questions: Questions, *, seed: int = 0) -> frozenset[int]:
    """Cases to compare sentences on: drawn by chance, not for effect, from those that a swap of sides alters."""
    if "swapped" not in questions.probes:
        return frozenset()
    changed = np.flatnonzero(questions.changed("swapped"))
    if not changed.size:
        changed = np.flatnonzero(questions.changed("none"))
    rng = np.random.default_rng(seed)
    return frozenset(int(i) for i in rng.choice(changed, size=min(WORDS_SHOWN, changed.size), replace=False))


def _keep(index: int, score: CaseScore, masks: Mapping[str, NDArray[np.bool_]]) -> Kept:
    packed = {name: np.packbits(mask) for name, mask in masks.items()}
    return Kept(index, score.given.dice, masks["given"].shape, packed)
