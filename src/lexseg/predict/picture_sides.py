"""Whose left the words of a question about a scan are, and what that is in the picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lexseg.errors import ConfigError
from lexseg.language.sides import Laterality, mentions_side

if TYPE_CHECKING:
    from lexseg.scans.scan import Scan

_UNKNOWN = (
    "the header does not say which side of the picture is the patient's left: the words are taken in the model's own "
    "convention; say whose left is meant (laterality image or patient, --laterality on the command line)"
)


def taken(own: Laterality | None) -> str:
    """What is taken for granted of a picture without a header, such as a PNG, where a sentence names a side.

    Args:
        own: the model's own convention; ``None`` if unknown.
    """
    whose = {"image": "those of the picture", "patient": "the patient's, seen face to face"}
    other = {"image": "the patient's are meant, say --laterality patient", "patient": "not, say --laterality image"}
    if own is None:
        return "neither the picture nor the model says whose left and right are: the sentence is asked as it stands"
    return (
        f"left and right are taken for {whose[own]}, as the model has learnt them: a picture does not say whose they "
        f"are, and an L or R that is drawn on it is not read; if {other[own]}"
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """What is known of a picture's sides.

    Attributes:
        patient_left: the side of the picture where the patient's left lies; ``None`` if unknown.
        headed: whether the picture has a header that could have said so. Pictures without one are what a model's own
            convention was made for.
    """

    patient_left: Literal["left", "right"] | None = None
    headed: bool = False

    @classmethod
    def of(cls, scan: "Scan") -> "Sides":
        """The sides of a scan's frames."""
        return cls(scan.patient_left, scan.format != "image")

    def doubts(self, whose: Laterality | None, text: str | None) -> list[str]:
        """What is doubtful where a sentence names a side, and neither the caller nor the header says whose it is.

        Args:
            whose: as :func:`sides_of` found it.
            text: the sentence.
        """
        known = not self.headed or whose is not None or self.patient_left is not None
        return [_UNKNOWN] if not known and text and mentions_side(text) else []


def sides_of(
    patient_left: Literal["left", "right"] | None, given: Laterality | None = None
) -> tuple[Laterality | None, Laterality | None]:
    """Whose words they are, and how a model is to be asked.

    A model's convention "patient" supposes a picture that hangs as usual, the patient's left at its right. Where a
    picture hangs the other way round, the patient's sides are the picture's: the patient's words are then asked as the
    image's.

    Args:
        patient_left: the side of the picture where the patient's left lies; ``None`` if unknown.
        given: whose left the caller's "left" is; ``None`` takes the patient's where the picture's sides are known.

    Returns:
        Whose left it is, and what ``Segmenter``'s ``laterality`` is to be; ``None`` is the model's own convention.

    Raises:
        ConfigError: if ``given`` is neither ``image``, ``patient`` nor ``None``.
    """
    if given not in (None, "image", "patient"):
        raise ConfigError(f"laterality {given!r}: expected 'image' or 'patient'")
    if given is None and patient_left is not None:
        given = "patient"
    return given, "image" if given == "patient" and patient_left == "left" else given
