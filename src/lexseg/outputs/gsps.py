"""Outlines of masks as a DICOM grayscale softcopy presentation state (GSPS): lines that a viewer draws over the image.

It needs no plane and no spacing, as its lines are counted in pixels of the image that it names (PS3.3, A.33.1 and
C.10.5).
"""

import datetime
import io
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from lexseg.errors import ConfigError, DataError
from lexseg.outputs.derived import NOTE, check_dicom, long_string, source_of
from lexseg.outputs.formats import GSPS, Written
from lexseg.outputs.instance import new_instance
from lexseg.outputs.overlay import colour_of
from lexseg.outputs.polygons import mask_polygons
from lexseg.outputs.references import name_frame
from lexseg.outputs.segment import Segment
from lexseg.outputs.shades import scale_of, set_shades
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window

_SERIES_NUMBER = 902
_WORDS = "LEXSEG WORDS"  # the layer of what is written
_MOST = 4000  # points of a line: what a value of up to 65,534 bytes (VR FL) certainly holds
_LONGEST = 1024  # characters of an UnformattedTextValue


def gsps_bytes(scan: Scan, segments: Sequence[Segment], **options: Any) -> bytes:
    """The bytes of a DICOM file of :func:`write_gsps`, which explains the arguments."""
    buffer = io.BytesIO()
    write_gsps(scan, segments, **options).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_gsps(
    scan: Scan,
    segments: Sequence[Segment],
    *,
    model_version: str,
    window: Window | None = None,
    frame: int = 0,
    include_text: bool = False,
    uid: str | None = None,
    made: datetime.datetime | None = None,
) -> Dataset:
    """Make a presentation state: the outlines of each mask in a colour of its own, and how the image was shown.

    Outlines run along the edges of pixels; holes have their own. It refers to the frames in which something was found,
    or to ``frame``, where a line then says that nothing was.

    Args:
        scan: the images, from DICOM and gray.
        segments: one or more; they may overlap.
        model_version: of the model, such as the SHA-256 of its weights.
        window: as the images were shown to the model; ``None`` is the first of ``scan.windows``.
        frame: what is referred to where nothing was found, from 0.
        include_text: whether labels may be written. They may tell of a patient.
        uid: SOPInstanceUID of the new object; ``None`` makes one up.
        made: when it was made; ``None`` is now.

    Returns:
        the object, with its file meta information.

    Raises:
        DataError: if the scan is not from DICOM, is in colour, its headers lack what must be referred to, or its frames
            have different scales of values, which a presentation state has but one of.
        ConfigError: if highdicom is not installed.
    """
    source_of(scan)
    if scan.color:
        raise DataError(f"{scan.name}: a GSPS is of gray images, and this one is in colour; write a capture instead")
    used = sorted({n for segment in segments for n in segment.frames()}) or [frame]
    state = new_instance(
        scan, used[0], GrayscaleSoftcopyPresentationStateStorage, "PR", model_version=model_version, uid=uid, made=made
    )
    state.SeriesNumber = _SERIES_NUMBER
    state.SeriesDescription = f"LexSeg outlines ({NOTE[:17].lower()})"
    state.PresentationCreationDate, state.PresentationCreationTime = state.SeriesDate, state.SeriesTime
    state.ContentLabel, state.ContentDescription, state.ContentCreatorName = "LEXSEG", NOTE, "LexSeg^"
    state.ReferencedSeriesSequence = _series(scan, used)
    state.DisplayedAreaSelectionSequence = [_whole(scan)]
    set_shades(state, scan, used, window)
    state.GraphicLayerSequence = [_layer(number, _name(number)) for number in range(1, len(segments) + 1)]
    state.GraphicLayerSequence.append(_layer(len(segments) + 1, _WORDS, (255, 255, 255)))
    state.GraphicAnnotationSequence = [item for n in used for item in _annotations(scan, segments, n, include_text)]
    return state


def _name(number: int) -> str:
    return f"LEXSEG {number}"


def _series(scan: Scan, used: Sequence[int]) -> list[Dataset]:
    found: dict[str, dict[str, Dataset]] = {}
    for n in used:
        image = name_frame(scan, n)
        own = found.setdefault(str(source_of(scan).dataset(n).SeriesInstanceUID), {})
        known = own.setdefault(str(image.ReferencedSOPInstanceUID), image)
        if known is not image:  # a further frame of one file
            before = known.ReferencedFrameNumber
            numbers = [before] if isinstance(before, int) else list(before)
            known.ReferencedFrameNumber = [*numbers, image.ReferencedFrameNumber]
    items = []
    for uid, images in found.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedImageSequence = uid, list(images.values())
        items.append(item)
    return items


def _whole(scan: Scan) -> Dataset:
    """The displayed area: all of the image."""
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [scan.shape[2], scan.shape[1]]
    area.PresentationSizeMode = "SCALE TO FIT"
    if scan.spacing is None:
        area.PresentationPixelAspectRatio = [1, 1]
    else:
        area.PresentationPixelSpacing = [f"{step:.6g}" for step in scan.spacing]
    return area


def _layer(number: int, name: str, colour: tuple[int, int, int] | None = None) -> Dataset:
    try:
        from highdicom.color import CIELabColor
    except ImportError as error:
        raise ConfigError("a GSPS needs highdicom: pip install 'lexseg[dicom]'") from error
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = name, number
    layer.GraphicLayerRecommendedDisplayGrayscaleValue = 0xFFFF
    layer.GraphicLayerRecommendedDisplayCIELabValue = list(CIELabColor.from_rgb(*(colour or colour_of(number))).value)
    return layer


def _annotations(scan: Scan, segments: Sequence[Segment], frame: int, include_text: bool) -> list[Dataset]:
    items = []
    for number, segment in enumerate(segments, start=1):
        rings = mask_polygons(segment.frame(frame)) or []
        if rings:
            items.append(_annotation(scan, frame, _name(number)))
            items[-1].GraphicObjectSequence = [_line(part) for ring in rings for part in _parts([*ring, ring[0]])]
    said = [segment.label for segment in segments if include_text and segment.label]
    said += [] if items else ["not found"]
    said += [segment.remark for segment in segments if segment.remark]
    items.append(_annotation(scan, frame, _WORDS))
    items[-1].TextObjectSequence = [_words([*said, NOTE])]
    return items


def _annotation(scan: Scan, frame: int, layer: str) -> Dataset:
    item = Dataset()
    item.ReferencedImageSequence, item.GraphicLayer = [name_frame(scan, frame)], layer
    return item


def _parts(ring: list[list[int]]) -> list[list[list[int]]]:
    """A line as lines of not too many points, each of which begins where the one before ends."""
    return [ring[start : start + _MOST] for start in range(0, len(ring) - 1, _MOST - 1)]


def _line(points: list[list[int]]) -> Dataset:
    line = Dataset()
    line.GraphicAnnotationUnits, line.GraphicDimensions, line.GraphicType = "PIXEL", 2, "POLYLINE"
    line.NumberOfGraphicPoints = len(points)
    line.GraphicData = [float(value) for point in points for value in point]
    line.GraphicFilled = "N"
    return line


def _words(lines: Sequence[str]) -> Dataset:
    """Words at the upper left edge of what is displayed."""
    text = Dataset()
    text.BoundingBoxAnnotationUnits = "DISPLAY"
    text.BoundingBoxTopLeftHandCorner, text.BoundingBoxBottomRightHandCorner = [0.0, 0.0], [1.0, 0.05 * len(lines)]
    text.BoundingBoxTextHorizontalJustification = "LEFT"
    shown = [long_string(line, _LONGEST // len(lines) - 2) for line in lines]
    text.UnformattedTextValue = "\r\n".join(shown)
    return text


def encode(what: Written) -> dict[str, bytes]:
    """The format's file; none where the question is not in scope."""
    if what.answer.state == "not in scope":
        return {}
    content = gsps_bytes(
        what.asked_scan,
        [what.shows()],
        model_version=what.model_version,
        window=what.window,
        frame=what.frame,
        include_text=what.include_text,
        uid=what.uid,
        made=what.made,
    )
    return {GSPS.ending: content}


def refuse(scan: Scan, option: str) -> None:
    """Raises ``ConfigError`` of images in colour, and ``DataError`` of slices with scales of their own."""
    check_dicom(scan, option, highdicom=True)
    if scan.color:
        raise ConfigError(f"{scan.name}: {option} is for gray images, and this one is in colour; use --capture")
    scale_of(scan, range(scan.shape[0]))
