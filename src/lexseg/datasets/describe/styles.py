"""The styles of sentences, and what each tells of the true mask."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """A way of writing a sentence.

    Attributes:
        name: as ``--style`` says it.
        says: what the sentence holds.
        leaks: what of it is measured on the true mask; nothing in a style that may be used where the mask is not known.
        class_name: whether it names the class.
        color: whether it names a colour, where one is known.
        description: whether it holds a description in the user's words.
    """

    name: str
    says: str
    leaks: tuple[str, ...] = ()
    class_name: bool = True
    color: bool = False
    description: bool = False

    @property
    def leaks_mask(self) -> bool:
        """Whether its sentences are written from the mask; without it they need none."""
        return bool(self.leaks)


# Cumulative, as in the study: p9 holds all. That an image's target is there at all is leaked with any of these.
_SHAPE = ("presence", "shape")
_SIZE = (*_SHAPE, "size")
_NUMBER = (*_SIZE, "number")
_ALL = (*_NUMBER, "places")

STYLES = {
    style.name: style
    for style in (
        Style(
            "lvit", "sides, number, places in the lungs", ("presence", "sides", "number", "places"), class_name=False
        ),
        Style("p0", "nothing", class_name=False),
        Style("p1", "class"),
        Style("p2", "shape, class", _SHAPE),
        Style("p3", "colour, shape, class", _SHAPE, color=True),
        Style("p4", "size, colour, shape, class", _SIZE, color=True),
        Style("p5", "number, size, colour, shape, class", _NUMBER, color=True),
        Style("p6", "number, size, colour, shape, class, places", _ALL, color=True),
        Style("p7", "class, description", description=True),
        Style("p8", "number, size, colour, shape, class, description", _NUMBER, color=True, description=True),
        Style("p9", "number, size, colour, shape, class, description, places", _ALL, color=True, description=True),
    )
}
"""LViT's captions of chest films, and the prompts p0 to p9 of MedVLSM, the transfer study of vision-language models."""
