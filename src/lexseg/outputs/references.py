"""The images that a segmentation is made of, as highdicom wants them, and the references to them."""

from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from lexseg.outputs.derived import source_of, tidy
from lexseg.outputs.made_up import COSINES, SPACING, THICKNESS, reference_of
from lexseg.scans.dicom.geometry import plane_of
from lexseg.scans.dicom.groups import UnusableValue, group_value
from lexseg.scans.dicom.source import DicomSource
from lexseg.scans.scan import Scan

_Numbers = tuple[float, ...]
# highdicom asks the kind of image what modules it has; these two are enough, and every kind is welcome
_PLACED, _UNPLACED = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"


def frame_header(scan: Scan, source: DicomSource, number: int, first: int, *, bare: bool = False) -> Dataset:
    """A header for highdicom, as if the frame were an image of its own.

    Args:
        scan: the images.
        source: where they come from.
        number: of the frame, from 0.
        first: number of the frame whose orientation and spacing are taken for all.
        bare: whether a frame that has no place in the patient is given none, rather than a made-up one.
    """
    original, frame = source.dataset(number), source.places[number][1]
    header = tidy(original)
    header.Rows, header.Columns = scan.shape[1:]
    header.SOPInstanceUID = f"2.25.{number + 1}"  # told apart in `refer`, which puts the true one
    reference = source.headers[source.places[first][0]].dataset, source.places[first][1]
    header.SeriesInstanceUID = reference[0].SeriesInstanceUID
    place = _place(scan, source, number, first)
    if place is not None:
        cosines, position, spacing = place
        header.SOPClassUID, header.FrameOfReferenceUID = _PLACED, source.frame_of_reference
        # the first frame's for all: between slices of a series they may differ in the last digits
        header.ImageOrientationPatient = [_decimal(value) for value in cosines]
        header.ImagePositionPatient = [_decimal(value) for value in position]
        header.PixelSpacing = [_decimal(value) for value in spacing]
        thickness = group_value(*_where(reference, "PixelMeasuresSequence"), "SliceThickness") or scan.thickness
        header.SliceThickness = None if thickness is None else _decimal(float(thickness))
        _set_or_drop(header, "SpacingBetweenSlices", scan.thickness if scan.is_volume else None)
        return header
    for name in ("ImageOrientationPatient", "ImagePositionPatient", "SliceThickness", "SpacingBetweenSlices"):
        _set_or_drop(header, name, None)
    own = _said(original, "PixelMeasuresSequence", frame, "PixelSpacing", 2)
    if bare:
        header.SOPClassUID = _UNPLACED
        if own:
            header.PixelSpacing = [_decimal(value) for value in own]
        if source.frame_of_reference is None:
            _set_or_drop(header, "FrameOfReferenceUID", None)
        return header
    header.SOPClassUID, header.PositionReferenceIndicator = _PLACED, ""
    header.FrameOfReferenceUID = reference_of(original, frame)
    header.ImageOrientationPatient, header.ImagePositionPatient = list(COSINES), [0, 0, 0]
    header.PixelSpacing = [_decimal(value) for value in own or scan.spacing or SPACING]
    header.SliceThickness = THICKNESS
    return header


def is_placed(scan: Scan, source: DicomSource, number: int = 0, first: int = 0) -> bool:
    """Whether the header says where a frame lies in the patient: frame of reference, plane and size of its pixels.

    Args:
        scan: the images.
        source: where they come from.
        number: of the frame, from 0.
        first: number of the frame whose orientation and spacing are taken for all.
    """
    return _place(scan, source, number, first) is not None


def is_spaced(scan: Scan, source: DicomSource, number: int) -> bool:
    """Whether the size of a frame's pixels is known.

    Args:
        scan: the images.
        source: where they come from.
        number: of the frame, from 0.
    """
    original, frame = source.dataset(number), source.places[number][1]
    return bool(_said(original, "PixelMeasuresSequence", frame, "PixelSpacing", 2) or scan.spacing)


def _place(scan: Scan, source: DicomSource, number: int, first: int) -> tuple[_Numbers, _Numbers, _Numbers] | None:
    """Cosines, position and spacing of a frame, if it has all of them and lies in a frame of reference."""
    original, frame = source.dataset(number), source.places[number][1]
    reference = source.headers[source.places[first][0]].dataset, source.places[first][1]
    cosines = _said(*_where(reference, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    position = _said(original, "PlanePositionSequence", frame, "ImagePositionPatient", 3)
    spacing = _said(*_where(reference, "PixelMeasuresSequence"), "PixelSpacing", 2) or scan.spacing
    if not (source.frame_of_reference and cosines and position and spacing) or plane_of(original, frame) is None:
        return None
    return cosines, position, spacing


def _said(dataset: Dataset, macro: str, frame: int, keyword: str, count: int) -> _Numbers | None:
    """Numbers of a header; ``None`` also where they cannot be used, of which the scan's notes tell."""
    try:
        found: _Numbers | None = group_value(dataset, macro, frame, keyword, count)
    except UnusableValue:
        return None
    return found


def _where(reference: tuple[Dataset, int], macro: str) -> tuple[Dataset, str, int]:
    return reference[0], macro, reference[1]


def _set_or_drop(header: Dataset, name: str, value: float | None) -> None:
    if value is not None:
        setattr(header, name, _decimal(value))
    elif name in header:
        del header[name]


def _decimal(value: float) -> DSfloat:
    return DSfloat(value, auto_format=True)


def refer(dataset: Dataset, source: DicomSource, headers: list[Dataset], used: list[int]) -> None:
    """Put the true images in place of those of `frame_header`: of each frame its own, and of the object all."""
    numbers = {header.SOPInstanceUID: number for header, number in zip(headers, used, strict=True)}
    for item in dataset.PerFrameFunctionalGroupsSequence:
        for derivation in item.DerivationImageSequence:
            for image in derivation.SourceImageSequence:
                number = numbers.get(image.ReferencedSOPInstanceUID)
                if number is None:  # frames of several segments share an item
                    continue
                name_image(image, source.dataset(number))
                if int(source.dataset(number).get("NumberOfFrames") or 1) > 1:
                    image.ReferencedFrameNumber = source.places[number][1] + 1
    dataset.SourceImageSequence = [name_image(Dataset(), each) for each in source.datasets]
    series: dict[str, list[Dataset]] = {}
    for each in source.datasets:
        series.setdefault(str(each.SeriesInstanceUID), []).append(name_image(Dataset(), each))
    dataset.ReferencedSeriesSequence = []
    for uid, images in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, images
        dataset.ReferencedSeriesSequence.append(item)


def name_image(item: Dataset, image: Dataset) -> Dataset:
    """Have an item of a sequence refer to an image."""
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def name_frame(scan: Scan, frame: int) -> Dataset:
    """A reference to a frame of a scan from DICOM: to its image, and of an image of several frames to its number."""
    source = source_of(scan)
    original = source.dataset(frame)
    item = name_image(Dataset(), original)
    if int(original.get("NumberOfFrames") or 1) > 1:
        item.ReferencedFrameNumber = source.places[frame][1] + 1
    return item
