"""Sentences with their places swapped: what is nearly the truth, and false."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lexseg.encoders.text.batch import EncodeText, TextBatch
from lexseg.language.same_meaning import same_meaning
from lexseg.language.sides import Axis, mirror_words

AXES: tuple[Axis, ...] = ("horizontal", "vertical")


def swap_places(text: str | None, axis: Axis) -> str | None:
    """The sentence with left and right, or upper and lower, swapped; ``None`` where it then says the same."""
    other = mirror_words(text, axis) if text else text
    return None if same_meaning(text, other) else other


def every_swap(texts: Iterable[str | None]) -> list[str]:
    """All that swapping makes of these sentences."""
    return [other for text in texts for axis in AXES if (other := swap_places(text, axis)) is not None]


def with_swapped(encode: EncodeText) -> EncodeText:
    """Encodes sentences as ``encode`` does, and beside them their swapped forms (:attr:`TextBatch.swapped`)."""

    def both(texts: Sequence[str | None]) -> TextBatch:
        swapped = (encode([swap_places(text, axis) for text in texts]) for axis in AXES)
        return replace(encode(texts), swapped=tuple(swapped))

    return both
