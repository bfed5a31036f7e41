"""What is imaged: how its places are called, and what counts as small, large, bright there."""

from dataclasses import dataclass
from typing import Literal

Layout = Literal["lungs", "grid"]
"""``lungs``: two lungs with three zones each, the halves of a frontal film; ``grid``: three rows by three columns."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """How targets are described.

    Attributes:
        name: as ``--anatomy`` says it, and the name of its nouns and places.
        layout: how the image is divided.
        small: largest share of the image that a small target takes.
        large: smallest share of the image that a large target takes.
        zoned: whether the lungs of a layout ``lungs`` have zones.
        whole: what the image is called.
        organ: what is called so where an organ mask is given.
        framed: whether places are relative to that organ.
        likenesses: what one target may be told from another by, as fields of a query.
    """

    name: str
    layout: Layout
    small: float
    large: float
    zoned: bool = True
    whole: tuple[str, ...] = ("image", "picture")
    organ: str = "organ"
    framed: bool = False
    likenesses: tuple[str, ...] = ("size", "shape", "brightness", "over", "under")


ANATOMIES = {
    anatomy.name: anatomy
    for anatomy in (
        # nobody speaks of a lucent consolidation
        Anatomy("chest", "lungs", small=0.01, large=0.06, likenesses=("size", "shape", "over", "under")),
        # an axial slice: two lungs, but its height is front to back
        Anatomy("chest-ct", "lungs", small=0.003, large=0.03, zoned=False),
        Anatomy("abdomen", "grid", small=0.003, large=0.02, organ="liver"),
        Anatomy("breast", "grid", small=0.03, large=0.12, organ="breast"),
        Anatomy("colon", "grid", small=0.03, large=0.2, whole=("image", "picture", "frame")),
        # one axial slice: the outline of a brain lesion tells nothing
        Anatomy(
            "brain",
            "grid",
            small=0.01,
            large=0.06,
            whole=("slice", "image", "brain"),
            organ="brain",
            likenesses=("size", "over", "under"),
        ),
        Anatomy(
            "skin", "grid", small=0.05, large=0.3, whole=("image", "picture"), likenesses=("size", "over", "under")
        ),
        Anatomy("grid", "grid", small=0.01, large=0.08),
    )
}
