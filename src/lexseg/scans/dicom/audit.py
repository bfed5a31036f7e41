"""What stands in a DICOM header and cannot be used: said, and never taken for absent."""

from collections.abc import Iterable

from pydicom.dataset import Dataset

from lexseg.errors import DataError
from lexseg.scans.dicom.geometry import place_note
from lexseg.scans.dicom.groups import UnusableValue, group_of, group_value, named
from lexseg.scans.dicom.header import Header, number
from lexseg.scans.dicom.pixels import rescale_of
from lexseg.scans.dicom.windows import stated_windows

# of these the rest of the header can do without; macro, keyword, how many numbers, and what follows
_DISPENSABLE = (
    ("PixelMeasuresSequence", "SliceThickness", 1, "the thickness of a slice is unknown"),
    ("", "EstimatedRadiographicMagnificationFactor", 1, "it is taken as unknown"),
    ("", "PixelPaddingValue", 1, "no pixel is taken for padding"),
    ("", "PixelPaddingRangeLimit", 1, "no pixel is taken for padding"),
    ("", "HighBit", 1, "it is taken for BitsStored less one"),
    ("", "InstanceNumber", 1, "it is taken for 0"),
    ("FrameVOILUTSequence", "WindowCenter", None, "the window is not used"),
    ("FrameVOILUTSequence", "WindowWidth", None, "the window is not used"),
)


def check_values(headers: Iterable[Header], places: Iterable[tuple[int, int]]) -> None:
    """See that what turns stored values into the modality's units can be used, in every frame.

    Raises:
        DataError: naming the file and the tag.
    """
    files = tuple(headers)
    for file, frame in places:
        try:
            rescale_of(files[file], frame)
        except UnusableValue as error:
            raise DataError(f"{files[file].content.name}: {error}") from error


def unusable(header: Header, frame: int) -> list[str]:
    """Notes on what of a frame's header is of no use."""
    dataset, notes = header.dataset, []
    if note := place_note(dataset, frame):
        notes.append(note)
    for macro, keyword, count, follows in _DISPENSABLE:
        try:
            group_value(dataset, macro, frame, keyword, count)
        except UnusableValue as error:
            notes.append(f"{error.keyword} stands in the header, but is not the number it should be: {follows}")
    if group_value(dataset, "PixelValueTransformationSequence", frame, "RescaleSlope", 1) == 0:
        notes.append(f"{named('RescaleSlope')} is 0, which leaves nothing of the image: it is taken for 1")
    try:
        stored, high = (number(dataset, keyword) for keyword in ("BitsStored", "HighBit"))
    except UnusableValue:  # said of already, or when the pixels are read
        stored = high = None
    if stored is not None and high is not None and high != stored - 1:
        notes.append(
            f"{named('HighBit')} is {high}, not {stored - 1}: the values are read as if it were, and may be wrong"
        )
    return notes + _windows(dataset, frame)


def _windows(dataset: Dataset, frame: int) -> list[str]:
    macro = "FrameVOILUTSequence"
    try:
        stated = [group_value(dataset, macro, frame, f"Window{part}") for part in ("Center", "Width")]
        tables = len(group_of(dataset, macro, frame).get("VOILUTSequence") or ())
    except UnusableValue:
        return []  # said of already
    levels, widths = (0 if each is None else len(each) if isinstance(each, tuple) else 1 for each in stated)
    found = len(stated_windows(dataset, frame))
    if levels != widths or found < widths + tables:
        return ["a window of the header is of no use (a width of 0 or less, a missing half, or a damaged table)"]
    return []
