"""What is asked of `lexseg describe`."""

from collections.abc import Sequence
from dataclasses import dataclass

from lexseg.cases.case import Case
from lexseg.datasets.describe.medvlsm import Subject, phrasings
from lexseg.datasets.describe.styles import STYLES, Style
from lexseg.datasets.refer.nouns import class_nouns
from lexseg.errors import ConfigError, DataError
from lexseg.seeds import case_generator


@dataclass(frozen=True, slots=True)
class DescribeSettings:
    """How sentences are written.

    Attributes:
        name: a key of `STYLES`.
        class_name: what all masks show, such as ``polyp``.
        class_column: the column that says what a row's mask shows, where rows differ.
        color_column: the column that says its colour.
        descriptions: of what is shown, such as ``a projecting growth of tissue``; of several each case takes one.
        min_area: share of the image below which an area of the mask is taken for a stray.
        seed: of the choice of descriptions and phrasings.
    """

    name: str
    class_name: str | None = None
    class_column: str | None = None
    color_column: str | None = None
    descriptions: tuple[str, ...] = ()
    min_area: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.name not in STYLES:
            raise ConfigError(f"style {self.name!r} is none of {', '.join(STYLES)}")
        if not 0 <= self.min_area < 1:
            raise ConfigError(f"the smallest area is a share of the image from 0 to 1, not {self.min_area:g}")
        style, named = self.style, (self.class_name, self.class_column)
        if style.class_name and named == (None, None):
            raise ConfigError(
                f"style {self.name} needs to be told what the masks show: --class_name polyp, or --class_column NAME "
                "where rows differ"
            )
        if None not in named:
            raise ConfigError("give either a class name for all rows or the column that holds it, not both")
        if style.description and not self.descriptions:
            raise ConfigError(
                f"style {self.name} needs a description in your words: --description 'a projecting growth of tissue'"
            )
        unused = {
            "class name (--class_name, --class_column)": named != (None, None) and not style.class_name,
            "colour (--color_column)": self.color_column is not None and not style.color,
            "description (--description)": bool(self.descriptions) and not style.description,
        }
        for what, given in unused.items():
            if given:
                raise ConfigError(f"style {self.name} says no {what}; leave it out, or take another style")
        for what, words in (("class name", self.class_name), *(("description", each) for each in self.descriptions)):
            if words is not None and not words.strip():
                raise ConfigError(f"the {what} is blank")

    @property
    def style(self) -> Style:
        """What the sentences say, by the name of a published style."""
        return STYLES[self.name]

    def check(self, cases: Sequence[Case]) -> None:
        """Refuse what does not fit the manifest."""
        for column in filter(None, (self.class_column, self.color_column)):
            if not any(column in case.extra for case in cases):
                known = sorted({name for case in cases for name in case.extra})
                others = f"others are {', '.join(known)}" if known else "it has none but those of every manifest"
                raise ConfigError(f"there is no column {column!r} in the manifest; {others}")
        for case in cases:
            if case.expression_kind is not None:
                raise DataError(
                    f"{case.where}: the manifest holds expressions that name some targets of an image and not others; "
                    "describe the manifest that they were made from"
                )

    def subject(self, case: Case) -> Subject:
        """What a case's sentence is about.

        Raises:
            DataError: if the case does not say what its mask shows.
        """
        name = self.class_name
        if self.class_column is not None:
            name = case.extra.get(self.class_column)
            if name is None or not name.strip():
                raise DataError(f"{case.where}: the column {self.class_column!r} is empty; what does this mask show?")
        color = "" if self.color_column is None else case.extra.get(self.color_column, "").strip()
        if not self.descriptions:
            return Subject(_noun(name or ""), color)
        forms = phrasings([" ".join(each.split()) for each in self.descriptions])
        chosen = int(case_generator(self.seed, 0, case.id).integers(len(forms)))
        return Subject(_noun(name or ""), color, forms[chosen])


def _noun(name: str) -> str:
    """What a class is called: in words, where the name is one that is known (``ggo``)."""
    if not name.strip():
        return ""
    known = class_nouns(name.strip()).mass
    return " ".join((known[0] if known else name.replace("_", " ")).split())
