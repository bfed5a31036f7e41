"""Whose left the words of a question about a scan are, and what that is in the picture."""

from typing import Literal

from lexseg.data.case import Laterality
from lexseg.data.scans.scan import Scan
from lexseg.errors import ConfigError
from lexseg.text.wording import mentions_side

_UNKNOWN = (
    "the header does not say which side of the picture is the patient's left: the words are taken in the model's own "
    "convention; say whose left is meant (laterality image or patient, --laterality on the command line)"
)


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


def doubts_about_sides(scan: Scan, whose: Laterality | None, text: str | None) -> list[str]:
    """What is doubtful where a sentence names a side, and neither the caller nor the header says whose it is.

    Pictures without a header are what the model's own convention was made for: nothing is doubtful there.

    Args:
        scan: that is asked about.
        whose: as :func:`sides_of` found it.
        text: the sentence.
    """
    known = scan.format == "image" or whose is not None or scan.patient_left is not None
    return [_UNKNOWN] if not known and text and mentions_side(text) else []
