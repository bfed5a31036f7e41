"""Words for size, shape, brightness, rank and relation."""

from collections.abc import Mapping

from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.query import Query

SIZE = {"small": ("small", "tiny"), "large": ("large", "big", "extensive", "sizeable")}
SHAPE = {
    "round": ("round", "rounded", "roundish"),
    "irregular": ("irregular", "irregularly shaped", "irregularly outlined"),
    "elongated": ("elongated", "oblong", "band-like"),
}
BRIGHTNESS = {"bright": ("bright", "brighter", "light"), "dark": ("dark", "darker")}
OWN_BRIGHTNESS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "chest": {"bright": ("dense", "bright"), "dark": ("lucent", "dark")},
    "breast": {"bright": ("hyperechoic", "echogenic", "bright"), "dark": ("hypoechoic", "dark")},
    "abdomen": {
        "bright": ("hyperdense", "high-attenuation", "bright"),
        "dark": ("hypodense", "low-attenuation", "dark"),
    },
}
RANK = {
    "largest": ("largest", "biggest"),
    "second_largest": ("second largest", "second-largest", "second biggest"),
    "smallest": ("smallest",),
    "top": ("uppermost", "topmost"),
    "bottom": ("lowermost", "bottommost"),
    "leftmost": ("leftmost",),
    "rightmost": ("rightmost",),
}
RANK_AFTER = {
    "second_from_top": ("second from the top", "that is second from the top"),
    "second_from_bottom": ("second from the bottom", "that is second from the bottom"),
    "leftmost": ("furthest to the left",),
    "rightmost": ("furthest to the right",),
}
RELATION = {
    "above": ("above the largest one", "superior to the largest one", "lying above the largest one"),
    "below": ("below the largest one", "inferior to the largest one", "lying below the largest one"),
    "left_of": ("to the left of the largest one", "on the left of the largest one"),
    "right_of": ("to the right of the largest one", "on the right of the largest one"),
}
LENGTHS_MM = (5, 10, 20, 30, 50)
OVER = ("larger than {n}", "over {n}", "of more than {n}", "measuring more than {n}", "exceeding {n}")
UNDER = ("smaller than {n}", "under {n}", "of less than {n}", "measuring less than {n}")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def before_noun(query: Query, anatomy: Anatomy) -> list[tuple[str, ...]]:
    """For each property that is said before the noun, the words for it; one of each is to be chosen."""
    parts: list[tuple[str, ...]] = []
    if query.rank is not None and query.rank in RANK:
        parts.append(RANK[query.rank])
    if query.size is not None:
        parts.append(SIZE[query.size])
    if query.shape is not None:
        parts.append(SHAPE[query.shape])
    if query.brightness is not None:
        parts.append(OWN_BRIGHTNESS.get(anatomy.name, BRIGHTNESS)[query.brightness])
    return parts


def after_noun(query: Query) -> list[tuple[str, ...]]:
    """The same for what is said after the noun."""
    parts: list[tuple[str, ...]] = []
    if query.rank is not None and query.rank not in RANK:
        parts.append(RANK_AFTER[query.rank])
    if query.relation is not None:
        parts.append(RELATION[query.relation])
    for phrases, length in ((OVER, query.over), (UNDER, query.under)):
        if length is not None:
            parts.append(tuple(phrase.format(n=said) for phrase in phrases for said in _lengths(length)))
    return parts


def _lengths(millimetres: int) -> tuple[str, ...]:
    in_cm = (f"{millimetres // 10} cm",) if millimetres % 10 == 0 else ()
    return (f"{millimetres} mm", *in_cm)
