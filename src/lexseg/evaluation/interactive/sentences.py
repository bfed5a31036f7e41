"""What the simulated user says: sentences of a person who sees the picture, without lengths and without coordinates."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lexseg.interaction.operations import Amount, Frame, Spot
from lexseg.interaction.state import State

Kind = Literal["more", "less", "also", "elsewhere", "not", "drop", "largest", "fill", "smooth", "generous", "strict"]

ANYWHERE = Spot()
PLACES: tuple[Spot, ...] = (
    Spot("", "upper"), Spot("", "lower"), Spot("left"), Spot("right"),
    Spot("left", "upper"), Spot("left", "lower"), Spot("right", "upper"), Spot("right", "lower"),
)  # fmt: skip
MIDDLES: tuple[Spot, ...] = (Spot("left", "middle"), Spot("right", "middle"), Spot("centre", "middle"))
"""Of the mask, where it has too much or too little: a third of its height between top and bottom."""
_MORE: dict[Amount, str] = {
    "slight": "a bit more",
    "usual": "more",
    "fair": "quite a bit more",
    "much": "a lot more",
    "vast": "vastly more",
}
_LESS: dict[Amount, str] = {
    "slight": "slightly less",
    "usual": "less",
    "fair": "quite a bit less",
    "much": "much less",
    "vast": "vastly less",
}
_OVER: dict[Amount, str] = {
    "slight": "a little too much",
    "usual": "too much",
    "fair": "quite a bit too much",
    "much": "far too much",
    "vast": "vastly too much",
}
_TEMPLATES: dict[Kind, tuple[str, ...]] = {
    "more": ("{more} {at}, please", "take in {more} {at}", "include {more} {at}", "I would like {more} {at}"),
    "less": ("{less} {at}, please", "{over} {at}", "there is {over} {at}", "I want {less} {at}"),
    "also": ("you overlooked the {place} of the picture", "the {place} of the picture should be included",
             "take in the {place} of the picture as well"),
    "elsewhere": ("remove everything and take in the {place} of the picture",
                  "delete all of it, then add the {place} of the picture",
                  "take everything away, and include the {place} of the picture"),
    "not": ("the {place} part is wrong", "cut the {place} part away", "leave the {place} part out"),
    "drop": ("get rid of the {place} one", "the {place} one does not belong to it", "erase the {place} one"),
    "largest": ("keep nothing but the biggest part", "just the main one", "remove all except the largest piece"),
    "fill": ("close the holes", "fill up the hole", "there are holes, fill them"),
    "smooth": ("smooth the outline", "the border is too ragged", "round it off"),
    "generous": ("a bit more lenient", "be less strict everywhere", "more inclusive overall"),
    "strict": ("be less generous", "it is too generous", "more conservative overall"),
}  # fmt: skip
_OF_PICTURE: tuple[Kind, ...] = ("also", "elsewhere")
_EVERYWHERE: dict[Kind, tuple[str, ...]] = {
    "more": ("{more} generous, please", "{more} inclusive everywhere", "make it {more} lenient"),
    "less": ("{less} generous, please", "{less} inclusive everywhere", "make it {less} lenient"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants. Attributes: kind; spot: where, in the picture; frame: of what; much: how much of it."""

    kind: Kind
    spot: Spot = ANYWHERE
    frame: Frame = "mask"
    much: Amount = "usual"


def say(wish: Wish, state: State, rng: np.random.Generator) -> str:
    """A wish as a sentence, in one of the wordings that mean the same.

    Args:
        wish: what is wanted.
        state: whose sides the user speaks of.
        rng: chooses the wording.
    """
    known = (_EVERYWHERE if wish.spot == ANYWHERE and wish.kind in _EVERYWHERE else _TEMPLATES)[wish.kind]
    side, height = wish.spot.side, wish.spot.height
    if state.left == "right" and side in ("left", "right") and wish.kind not in _OF_PICTURE:  # they say whose
        side = "right" if side == "left" else "left"
    whole = {"upper": "top", "lower": "bottom"}
    place = f"{height} {side}" if side and height else side or whole.get(height, "")
    words = {
        "more": _MORE[wish.much],
        "less": _LESS[wish.much],
        "over": _OVER[wish.much],
        "at": "in the middle" if side == "centre" else f"at the {place}" if height else f"on the {side}",
        "place": place if wish.kind in _OF_PICTURE or (side and height) else side or height,
    }
    return known[int(rng.integers(len(known)))].format(**words)


def any_wish(rng: np.random.Generator) -> Wish:
    """Any wish at all: what a user says who does not look, and so never that all is somewhere else."""
    kinds: tuple[Kind, ...] = tuple(kind for kind in _TEMPLATES if kind != "elsewhere")
    much: tuple[Amount, ...] = get_args(Amount)
    kind, amount = kinds[int(rng.integers(len(kinds)))], much[int(rng.integers(len(much)))]
    return Wish(kind, PLACES[int(rng.integers(len(PLACES)))], much=amount)
