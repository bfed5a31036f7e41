"""The images that a segmentation is made of, as highdicom wants them, and the references to them."""

from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from lexseg.data.scans.dicom.geometry import plane_of
from lexseg.data.scans.dicom.groups import group_value
from lexseg.data.scans.dicom.source import DicomSource
from lexseg.data.scans.scan import Scan
from lexseg.dicom.derived import tidy

# highdicom asks the kind of image what modules it has; these two are enough, and every kind is welcome
_PLACED, _UNPLACED = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"


def frame_header(scan: Scan, source: DicomSource, number: int, first: int) -> Dataset:
    """A header for highdicom, as if the frame were an image of its own.

    Args:
        scan: the images.
        source: where they come from.
        number: of the frame, from 0.
        first: number of the frame whose orientation and spacing are taken for all.
    """
    original, frame = source.dataset(number), source.places[number][1]
    header = tidy(original)
    header.Rows, header.Columns = scan.shape[1:]
    header.SOPInstanceUID = f"2.25.{number + 1}"  # told apart in `refer`, which puts the true one
    reference = source.headers[source.places[first][0]].dataset, source.places[first][1]
    header.SeriesInstanceUID = reference[0].SeriesInstanceUID
    cosines = group_value(*_where(reference, "PlaneOrientationSequence"), "ImageOrientationPatient")
    position = group_value(original, "PlanePositionSequence", frame, "ImagePositionPatient")
    spacing = group_value(*_where(reference, "PixelMeasuresSequence"), "PixelSpacing") or scan.spacing
    if source.frame_of_reference and cosines and position and spacing and plane_of(original, frame) is not None:
        header.SOPClassUID, header.FrameOfReferenceUID = _PLACED, source.frame_of_reference
        # the first frame's for all: between slices of a series they may differ in the last digits
        header.ImageOrientationPatient = [_decimal(value) for value in cosines]
        header.ImagePositionPatient = [_decimal(value) for value in position]
        header.PixelSpacing = [_decimal(value) for value in spacing]
        thickness = group_value(*_where(reference, "PixelMeasuresSequence"), "SliceThickness") or scan.thickness
        header.SliceThickness = None if thickness is None else _decimal(float(thickness))
        _set_or_drop(header, "SpacingBetweenSlices", scan.thickness if scan.is_volume else None)
    else:
        header.SOPClassUID = _UNPLACED
        for name in ("ImageOrientationPatient", "ImagePositionPatient", "SliceThickness", "SpacingBetweenSlices"):
            _set_or_drop(header, name, None)
        if spacing := group_value(original, "PixelMeasuresSequence", frame, "PixelSpacing"):
            header.PixelSpacing = [_decimal(value) for value in spacing]
        if source.frame_of_reference is None:
            _set_or_drop(header, "FrameOfReferenceUID", None)
    return header


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
