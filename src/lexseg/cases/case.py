"""What a case is: one image, the sentence about it and, where known, the mask of what the sentence means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lexseg.language.sides import Laterality

Split = Literal["train", "val", "test"]
ExpressionKind = Literal["one", "several", "none", "foreign"]
NAMES_NOTHING = ("none", "foreign")
"""The kinds of expression that name no target of their image."""
Presence = Literal["yes", "no", "unknown"]

_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Case:
    """A row of a manifest, read and checked, with absolute paths.

    Attributes:
        id: unique within all the manifests of a run.
        image: path of the image.
        texts: the sentence, or several wordings of it; an empty string is the null sentence.
        mask: path of the mask, two values, the larger is foreground; ``None`` where there is none.
        split: ``train``, ``val`` or ``test``; ``None`` where the manifest does not say.
        patient: who was imaged; cases of one patient never stand in two splits.
        laterality: whose left "left" is: the left side of the ``image``, or the ``patient``'s; ``None`` if unknown.
        language: ISO 639-1 code of the sentence.
        spacing: millimetres between pixel centres, (row, column).
        weight: how much the case counts in training.
        label: the pixel value that is foreground, where a mask holds more than two.
        target_ids: pixel values of the mask that the sentence names, where the mask holds instances; empty where it
            names nothing in the image; ``None`` for an ordinary mask.
        present: whether the image holds what the sentence names, as the manifest says. ``None``: as the mask says.
            ``unknown``: an empty mask says nothing either, as if there were none.
        expression_kind: how many targets a referring expression names, or ``foreign`` where its words are of something
            that the data do not teach; ``None`` for a sentence about the whole image.
        extra: the manifest's other columns, as text.
        source: the manifest, and ``row`` the line in it, counted as a text editor does (the header is line 1).
    """

    id: str
    image: Path
    texts: tuple[str, ...] = ("",)
    mask: Path | None = None
    split: Split | None = None
    patient: str | None = None
    laterality: Laterality | None = None
    language: str | None = None
    spacing: tuple[float, float] | None = None
    weight: float = 1.0
    label: int | None = None
    target_ids: tuple[int, ...] | None = None
    expression_kind: ExpressionKind | None = None
    present: Presence | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    row: int | None = None

    @property
    def text(self) -> str:
        """The first wording of the sentence, where there are several."""
        return self.texts[0]

    @property
    def is_located(self) -> bool:
        """Whether it is known where in the image the target is: a mask shows it, or there is none to be shown.

        A mask that is missing is never read as an empty one. (One that is empty although ``present`` is ``unknown``
        shows nothing, which only the file says: ``lexseg.cases.truth.Truth.located``.)
        """
        return self.mask is not None or self.present == "no"

    @property
    def is_answered(self) -> bool:
        """Whether it is known that the target is in the image, or that it is not: by the mask or by ``present``."""
        return self.mask is not None or self.present in ("yes", "no")

    @property
    def origin(self) -> str:
        """Which data set the case is of: the manifest's column ``source``, else the name of the manifest's folder."""
        stated = self.extra.get("source", "").strip()
        return stated or ("" if self.source is None else self.source.resolve().parent.name)

    @property
    def leaks_mask(self) -> bool | None:
        """Whether the sentence was written from the true mask, as the column says; ``None`` if it does not say."""
        return _TRUTHS.get(self.extra.get("leaks_mask", "").strip().lower())

    @property
    def cluster(self) -> str:
        """What intervals are clustered by: the patient, or the image where no patient is known."""
        return self.patient or str(self.image)

    @property
    def where(self) -> str:
        """``cases.csv, row 7``: for messages."""
        return f"{self.source}, row {self.row}" if self.source is not None else f"case {self.id!r}"
