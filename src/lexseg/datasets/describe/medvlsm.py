"""Prompts p0 to p9 as those of the transfer study of vision-language models (Poudel et al. 2023, arXiv 2308.07706).

Their form is that of the study's annotation files for polyps, the noun in the singular whatever the number. What its
authors took the words from is not said: shape and colour may be a question-answering model's (INFERRED). Here shape,
size, number and places are measured on the mask (OURS), and a colour is said only where the user knows one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lexseg.datasets.describe.areas import number_word
from lexseg.datasets.refer.attributes import Referent
from lexseg.language.sides import Laterality, convert_laterality

MEDIUM, LARGE = 0.1, 0.3
"""Share of the image from which the largest area is medium, and large; read off the study's prompts for Kvasir."""
IRREGULAR = 0.79
"""Share of its ellipse that an area must fill not to be irregular."""
OVAL, ELONGATED = 1.475, 2.15
"""From which ratio of its axes an area is oval, and elongated. All three are the middles of `lexseg refer`'s bands."""

WITH_DESCRIPTION = (
    "{subject} which is {description}",
    "{subject} that is {description}",
    "{subject} appearing as {description}",
    "{subject} seen as {description}",
    "{subject}, in other words {description}",
)
"""Five phrasings of one description (OURS). Of several descriptions each takes the first, which is the study's."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a prompt is about.

    Attributes:
        name: of the class, in the singular.
        color: in words; blank where it is not known.
        description: one of `phrasings`; said by p7, p8 and p9.
    """

    name: str = ""
    color: str = ""
    description: str = "{subject}"


def phrasings(descriptions: Sequence[str]) -> tuple[str, ...]:
    """The ways to add a description to a subject, of which a case takes one; each holds ``{subject}``."""
    forms = WITH_DESCRIPTION if len(descriptions) == 1 else WITH_DESCRIPTION[:1] * len(descriptions)
    said = tuple(descriptions) * (len(forms) // max(1, len(descriptions)))
    return tuple(form.replace("{description}", each) for form, each in zip(forms, said, strict=True))


def prompt(
    style: str,
    subject: Subject,
    areas: Sequence[Referent] = (),
    shape: tuple[int, int] = (1, 1),
    *,
    laterality: Laterality = "image",
) -> str:
    """A sentence as MedVLSM's prompts say it, from a subject and what is measured of its masks.

    Args:
        style: ``p0`` to ``p9``.
        subject: what it is about.
        areas: of the mask; not looked at by p0, p1 and p7.
        shape: of the mask, (H, W) in pixels.
        laterality: whose left "left" is in the places; the user's own words stay as they are.
    """
    if style == "p0":
        return ""
    form = subject.description if style in ("p7", "p8", "p9") else "{subject}"
    if style in ("p1", "p7"):
        return form.replace("{subject}", subject.name)
    located = style in ("p6", "p9")
    if not areas:  # OURS, as the study's prompts for breast ultrasound: "No tumor in the breast ultrasound image."
        return f"no {subject.name} in the image" if located else f"no {subject.name}"
    largest = max(areas, key=lambda area: area.area)
    level = min(int(style[1:]), 5)
    words = [
        number_word(len(areas)) if level >= 5 else "",
        size_of(largest) if level >= 4 else "",
        subject.color if level >= 3 else "",
        shape_of(largest),
        subject.name,
    ]
    said = form.replace("{subject}", " ".join(filter(None, words)))
    where = convert_laterality(f"located in {', '.join(cells_of(areas, shape))} of the image", "image", laterality)
    return said if not located else f"{said}, {where}" if style == "p6" else f"{said} {where}"


def size_of(area: Referent) -> str:
    """``small``, ``medium`` or ``large``."""
    return "small" if area.fraction < MEDIUM else "medium" if area.fraction < LARGE else "large"


def shape_of(area: Referent) -> str:
    """``round``, ``oval``, ``elongated`` or ``irregular``."""
    if area.fill < IRREGULAR:
        return "irregular"
    return "round" if area.elongation < OVAL else "oval" if area.elongation < ELONGATED else "elongated"


def cells_of(areas: Sequence[Referent], shape: tuple[int, int]) -> list[str]:
    """Where the areas are: the cells of a 3 x 3 grid that hold the centres of their boxes, each once, from the top."""
    cells = set()
    for area in areas:
        row, column, height, width = area.box
        cells.add((_third(row + height / 2, shape[0]), _third(column + width / 2, shape[1])))
    rows, columns = ("top", "", "bottom"), ("left", "", "right")
    return [f"{rows[row]} {columns[column]}".strip() or "center" for row, column in sorted(cells)]


def _third(place: float, length: int) -> int:
    return min(2, int(3 * place / length))
