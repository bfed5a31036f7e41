"""A user who sees the picture and the truth, and says what is wrong with the mask, the largest error first."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.evaluation.interactive.sentences import ANYWHERE, MIDDLES, PLACES, Wish
from lexseg.interaction.operations import Amount, Components, Frame, Region, Spot
from lexseg.interaction.parts import Parts, meant
from lexseg.interaction.regions import inside
from lexseg.interaction.state import Mask, State

SEEN = 0.02
"""An error smaller than this share of the mask is not spoken of."""
SEEN_EVERYWHERE = 0.1
"""The same of what is too little, or too much, all around."""
ASTRAY = 0.05
"""A mask of which no more than this share is right is somewhere else altogether."""
MOST_ERRORS = 6
_EIGHT = np.ones((3, 3), np.bool_)
_SPREAD = 0.35  # how much a place is worth less the more of the picture it names
_EVERYWHERE = 0.15  # how much less a word about the whole outline is worth than one about a place


@dataclass(slots=True, eq=False)
class User:
    """Says what is wrong with one mask.

    Attributes:
        truth: bool[H, W].
        useless: wishes that did not help since something last did.
    """

    truth: Mask
    useless: set[Wish] = field(default_factory=set)

    def wish(self, state: State) -> Wish | None:
        """What the user asks for next; ``None`` where nothing is left to be asked for."""
        return next((wish for wish in self._wishes(state) if wish not in self.useless), None)

    def learn(self, wish: Wish, gain: float) -> None:
        """Remember whether a wish helped. Args: wish: that was said; gain: in Dice."""
        if gain <= 1e-4:
            self.useless.add(wish)
        elif gain > 0.01:
            self.useless.clear()

    def _wishes(self, state: State) -> Iterator[Wish]:
        """All that could be asked for, the most pressing first."""
        mask, truth = state.mask, self.truth
        if truth.any() and _count(mask & truth) <= ASTRAY * state.area:  # what a person sees first
            yield Wish("elsewhere" if state.area else "also", _place(truth, state, "image")[0], "image")
        if truth.any() and not state.area:
            yield Wish("generous")
        area, parts = max(state.area, 1), Parts.of(mask)
        if self._only_the_largest(parts, area):
            yield Wish("largest")
        missed, wrong = truth & ~mask, mask & ~truth
        for size, missing, where in _errors(missed, wrong):
            if size < SEEN * area:
                break
            yield from self._missing(where, state) if missing else self._superfluous(where, state, parts)
        yield from _by_place(missed, wrong, state)

    def _only_the_largest(self, parts: Parts, area: int) -> bool:
        if len(parts) < 2 or sum(parts.areas[1:]) < 0.03 * area:
            return False
        wrong = [self._wrong(parts, rank) for rank in range(len(parts))]
        return wrong[0] < 0.5 and all(share > 0.7 for share in wrong[1:])

    def _wrong(self, parts: Parts, rank: int) -> float:
        """The share of a part that does not belong to the mask."""
        part = parts.mask([rank])
        return _count(part & ~self.truth) / parts.areas[rank]

    def _missing(self, where: Mask, state: State) -> Iterator[Wish]:
        mask = state.mask
        if not (ndimage.binary_dilation(where) & ~mask & ~where).any():
            yield Wish("fill")
        if _place(where, state, "mask")[1] < 0.4:  # away from the mask: named by where it lies in the picture
            yield Wish("also", _place(where, state, "image")[0], "image")

    def _superfluous(self, where: Mask, state: State, parts: Parts) -> Iterator[Wish]:
        mask = state.mask
        for rank in range(len(parts)) if len(parts) > 1 else ():
            if (parts.mask([rank]) & where).any() and self._wrong(parts, rank) > 0.7:
                named = (spot for spot in PLACES if meant(parts, Components(False, "spot", spot=spot)) == [rank])
                if (spot := next(named, None)) is not None:
                    yield Wish("drop", spot)
                    return
        spot, _ = _place(where, state, "mask")
        part = inside(Region((spot,), "mask"), state) & mask
        right, found = _count(part & self.truth), _count(part & where)
        if right < 0.2 * _count(part) and found > 0.5 * _count(where):
            yield Wish("not", spot)


def _errors(missed: Mask, wrong: Mask) -> list[tuple[int, bool, Mask]]:
    """The connected errors, the largest first: size in pixels, whether it is missing, and where."""
    found: list[tuple[int, bool, int, NDArray[np.int32]]] = []
    for missing, errors in ((True, missed), (False, wrong)):
        labels, number = ndimage.label(errors, structure=_EIGHT)
        sizes = np.bincount(labels.ravel(), minlength=number + 1)[1:]
        found += [(int(sizes[i]), missing, int(i) + 1, labels) for i in np.argsort(-sizes, kind="stable")[:MOST_ERRORS]]
    found.sort(key=lambda each: -each[0])
    return [(size, missing, labels == label) for size, missing, label, labels in found[:MOST_ERRORS]]


def _place(where: Mask, state: State, frame: Frame) -> tuple[Spot, float]:
    """How a person names where an error lies, and the share of it that lies there: the narrower place counts more."""
    total = _count(where)

    def share(there: NDArray[np.bool_]) -> float:
        return _count(where & there) / total

    regions = [inside(Region((spot,), frame, "half"), state) for spot in PLACES]
    scores = [share(there) - _SPREAD * float(there.mean()) for there in regions]
    best = int(np.argmax(scores))
    return PLACES[best], share(regions[best])


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))


def _by_place(missed: Mask, wrong: Mask, state: State) -> Iterator[Wish]:
    """Too little or too much at a place or everywhere, the worst first.

    A place is judged as a whole: where as much is missing as is too much, nobody asks for more or for less of it. What
    is to change everywhere is to change in each of the mask's halves.
    """
    found: list[tuple[float, Wish]] = []
    halves = [inside(Region((spot,), "mask", "half"), state) for spot in PLACES if not (spot.side and spot.height)]
    signs = {np.sign(_count(missed & half) - _count(wrong & half)) for half in halves}
    for spot in (*PLACES, *MIDDLES, ANYWHERE) if len(signs) == 1 else (*PLACES, *MIDDLES):
        there = inside(None if spot == ANYWHERE else Region((spot,), "mask", "half"), state)
        spread = _EVERYWHERE if spot == ANYWHERE else _SPREAD * float(there.mean())
        lacks, extra = _count(missed & there), _count(wrong & there)
        net = abs(lacks - extra)
        if net <= (SEEN_EVERYWHERE if spot == ANYWHERE else SEEN) * state.area:
            continue
        here = _count(state.mask & there) or state.area
        beside = here if lacks > extra else here - net  # a step less and a step more lead back to the same
        wish = Wish("more" if lacks > extra else "less", spot, "mask", _much(net / max(beside, 1)))
        found.append((net * (net / (lacks + extra) - spread), wish))
    yield from (wish for _, wish in sorted(found, key=lambda each: -each[0]))


def _much(share: float) -> Amount:
    """How large an error looks beside the mask that is there: their areas' ratio."""
    sizes: tuple[tuple[Amount, float], ...] = (("slight", 0.13), ("usual", 0.28), ("fair", 0.55), ("much", 1.2))
    return next((amount for amount, below in sizes if share < below), "vast")
