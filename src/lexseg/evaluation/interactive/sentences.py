"""What the simulated user says: sentences of a person who sees the picture, without lengths and without coordinates."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lexseg.interaction.operations import Frame, Spot
from lexseg.interaction.state import State

Much = Literal["slight", "usual", "much", "vast"]
Kind = Literal["more", "less", "also", "not", "drop", "largest", "fill", "smooth", "generous", "strict"]

ANYWHERE = Spot()
PLACES: tuple[Spot, ...] = (
    Spot("", "upper"), Spot("", "lower"), Spot("left"), Spot("right"),
    Spot("left", "upper"), Spot("left", "lower"), Spot("right", "upper"), Spot("right", "lower"),
)  # fmt: skip
_MORE: dict[Much, str] = {"slight": "a bit more", "usual": "more", "much": "a lot more", "vast": "vastly more"}
_LESS: dict[Much, str] = {"slight": "slightly less", "usual": "less", "much": "much less", "vast": "vastly less"}
_OVER: dict[Much, str] = {
    "slight": "a little too much",
    "usual": "too much",
    "much": "far too much",
    "vast": "vastly too much",
}
_TEMPLATES: dict[Kind, tuple[str, ...]] = {
    "more": ("{more} {at}, please", "take in {more} {at}", "include {more} {at}", "I would like {more} {at}"),
    "less": ("{less} {at}, please", "{over} {at}", "there is {over} {at}", "I want {less} {at}"),
    "also": ("you overlooked the {place} of the picture", "the {place} of the picture should be included",
             "take in the {place} of the picture as well"),
    "not": ("the {place} part is wrong", "cut the {place} part away", "leave the {place} part out"),
    "drop": ("get rid of the {place} one", "the {place} one does not belong to it", "erase the {place} one"),
    "largest": ("keep nothing but the biggest part", "just the main one", "remove all except the largest piece"),
    "fill": ("close the holes", "fill up the hole", "there are holes, fill them"),
    "smooth": ("smooth the outline", "the border is too ragged", "round it off"),
    "generous": ("a bit more lenient", "be less strict everywhere", "more inclusive overall"),
    "strict": ("be less generous", "it is too generous", "more conservative overall"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants. Attributes: kind; spot: where, in the picture; frame: of what; much: how much of it."""

    kind: Kind
    spot: Spot = ANYWHERE
    frame: Frame = "mask"
    much: Much = "usual"


def say(wish: Wish, state: State, rng: np.random.Generator) -> str:
    """A wish as a sentence, in one of the wordings that mean the same.

    Args:
        wish: what is wanted.
        state: whose sides the user speaks of.
        rng: chooses the wording.
    """
    known = _TEMPLATES[wish.kind]
    side, height = wish.spot.side, wish.spot.height
    if state.left == "right" and side in ("left", "right") and wish.kind != "also":  # "of the picture" says whose
        side = "right" if side == "left" else "left"
    whole = {"upper": "top", "lower": "bottom"}
    place = f"{height} {side}" if side and height else side or whole.get(height, "")
    words = {
        "more": _MORE[wish.much],
        "less": _LESS[wish.much],
        "over": _OVER[wish.much],
        "at": f"on the {side}" if not height else f"at the {place}",
        "place": place if wish.kind == "also" or (side and height) else side or height,
    }
    return known[int(rng.integers(len(known)))].format(**words)


def any_wish(rng: np.random.Generator) -> Wish:
    """Any wish at all: what a user says who does not look."""
    kinds: tuple[Kind, ...] = tuple(_TEMPLATES)
    much: tuple[Much, ...] = ("slight", "usual", "much", "vast")
    kind, amount = kinds[int(rng.integers(len(kinds)))], much[int(rng.integers(len(much)))]
    return Wish(kind, PLACES[int(rng.integers(len(PLACES)))], much=amount)
