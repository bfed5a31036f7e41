"""What words name: something to be found, or a part of the body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Concept:
    """Something to be found.

    Attributes:
        id: its name, in the words of the models.
        many: the same in the plural; "" where it has none.
        names: patterns for it in a language, as :mod:`lexseg.language.lexicon` explains them.
        code: value, scheme and meaning, as DICOM codes it; empty where there is no code that says no more.
        anatomy: where it is looked for; empty where it may be anywhere.
        modality: the images that show it, as DICOM names them; empty for any.
        asked: the anatomy whose data call all that is looked for there so too ("chest"); "" for none.
    """

    id: str
    many: str
    names: tuple[str, ...]
    code: tuple[str, ...]
    anatomy: tuple[str, ...]
    modality: tuple[str, ...]
    asked: str

    @classmethod
    def of(cls, row: Mapping[str, Any], known: Mapping[str, Any]) -> "Concept":
        """A row of a lexicon, and the row that says what it means."""
        singular = row.get("one", row["id"])
        names = (singular, *([row["many"]] if "many" in row else []), *row["also"])
        return cls(
            row["id"],
            known.get("many", ""),
            names,
            tuple(known.get("code", ())),
            tuple(known["anatomy"]),
            tuple(known["modality"]),
            known.get("asked", ""),
        )


@dataclass(frozen=True, slots=True)
class Organ:
    """A part of the body.

    Attributes:
        id: its name, in the words of the models.
        names: patterns for it in a language.
        code: as in :class:`Concept`.
        region: the anatomy it belongs to; "" for what is anywhere.
        whole: whether findings lie in it, so that "in the left ..." is said with its name.
        part: whether it is a part of the lung that says no more than its height.
    """

    id: str
    names: tuple[str, ...]
    code: tuple[str, ...]
    region: str
    whole: bool
    part: bool

    @classmethod
    def of(cls, row: Mapping[str, Any], known: Mapping[str, Any]) -> "Organ":
        """A row of a lexicon, and the row that says what it means."""
        return cls(
            row["id"],
            (row.get("one", row["id"]), *row["also"]),
            tuple(known.get("code", ())),
            known.get("region", ""),
            known.get("whole", False),
            known.get("part", False),
        )
