"""Masks as DICOM SEG, on the frames of the images that they are about."""

import datetime
import io
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from lexseg.errors import ConfigError, DataError
from lexseg.outputs.codes import Code
from lexseg.outputs.derived import (
    CHARACTERS,
    MANUFACTURER,
    NOTE,
    check_dicom,
    date_and_time,
    long_string,
    new_uids,
    software,
    source_of,
)
from lexseg.outputs.formats import SEG, Written
from lexseg.outputs.made_up import remark
from lexseg.outputs.overlay import colour_of
from lexseg.outputs.references import frame_header, is_placed, is_spaced, refer
from lexseg.outputs.segment import Segment
from lexseg.scans.scan import Scan, quiet

__all__ = ["Segment", "seg_bytes", "write_seg"]

_SERIES_NUMBER = 900  # far behind those that scanners give
_NAMES = ("PatientName", "ReferringPhysicianName")
_LONGEST = 1024  # characters of a SegmentDescription


def seg_bytes(scan: Scan, segments: Sequence[Segment], **options: Any) -> bytes:
    """The bytes of a DICOM file of :func:`write_seg`, which explains the arguments."""
    buffer = io.BytesIO()
    write_seg(scan, segments, **options).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_seg(
    scan: Scan,
    segments: Sequence[Segment],
    *,
    model_name: str,
    model_version: str,
    include_text: bool = False,
    bare: bool = False,
    uid: str | None = None,
    made: datetime.datetime | None = None,
) -> Dataset:
    """Make a binary DICOM SEG, with a segment for each mask.

    It lies where the images lie, with their own rows, columns and positions; frames in which nothing was found are left
    out, and where nothing was found at all there is one empty frame, as an object without frames may not be. It refers
    to every image of the scan. A film, which has no place in the patient, is segmented as it is stored, and lies in a
    plane that is made up for the readers that ask for one (:mod:`lexseg.outputs.made_up`); the object says so.

    Args:
        scan: the images, from DICOM.
        segments: one or more; they may overlap.
        model_name: what segmented; only the last part of a path is written.
        model_version: of the model, such as the SHA-256 of its weights.
        include_text: whether labels and sentences may be written. They may tell of a patient.
        bare: whether a film's segmentation has no plane: correct by the standard, and refused by most readers.
        uid: SOPInstanceUID of the new object, from which its series' follows; ``None`` makes one up.
        made: when it was made; ``None`` is now. With ``uid`` and ``made``, the same object is made however often.

    Returns:
        the object, with its file meta information.

    Raises:
        DataError: if the scan is not from DICOM, its headers lack what a segmentation must refer to, or it has several
            frames that nothing places in the patient.
        ConfigError: if highdicom is not installed.
    """
    if not segments:
        raise ValueError("a segmentation has at least one segment")
    if wrong := [segment.shape for segment in segments if segment.shape != scan.shape]:
        raise DataError(f"{scan.name}: a mask of shape {wrong[0]}; expected {scan.shape}, as it is shown")
    source = source_of(scan)
    used = sorted({n for segment in segments for n in segment.frames()}) or [0]
    placed = all(is_placed(scan, source, n, used[0]) for n in used)
    headers = [frame_header(scan, source, n, used[0], bare=bare) for n in used]
    if not placed and len(used) > 1:
        raise DataError(
            f"{scan.name}: something was found in {len(used)} frames, but the header does not place them in the "
            "patient (frame of reference, position, orientation), as a DICOM SEG of several frames needs; segment one "
            "frame, or write NIfTI or PNG instead"
        )
    if placed and len({tuple(map(float, header.ImagePositionPatient)) for header in headers}) < len(headers):
        raise DataError(
            f"{scan.name}: several frames lie at one place (times, phases or echoes), between which the frames of a "
            "DICOM SEG could not be told apart; choose one at each by the channel, or write PNG"
        )
    pixels = np.stack([np.stack([s.frame(n) > 0 for s in segments], axis=-1) for n in used]).astype(np.uint8)
    dataset = _build(scan, headers, pixels, segments, model_name, model_version, include_text, uid, made)
    measures = dataset.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence")
    if measures and "SpacingBetweenSlices" not in headers[0] and "SpacingBetweenSlices" in measures[0]:
        del measures[0].SpacingBetweenSlices  # of the frames that are used, and so not the images'
    if not placed:
        # which way rows and columns run is then said once, in words
        dataset.PatientOrientation = source.datasets[0].get("PatientOrientation") or ""
    if not placed and not bare:
        dataset.ImageComments = remark(is_spaced(scan, source, used[0]))
    refer(dataset, source, headers, used)
    return dataset


def _build(
    scan: Scan,
    headers: list[Dataset],
    pixels: NDArray[np.uint8],
    segments: Sequence[Segment],
    model_name: str,
    model_version: str,
    include_text: bool,
    uid: str | None,
    made: datetime.datetime | None,
) -> Dataset:
    try:
        from highdicom.seg import Segmentation
    except ImportError as error:
        raise ConfigError("DICOM SEG needs highdicom: pip install 'lexseg[dicom]'") from error
    instance, series = new_uids(uid)
    date, time = date_and_time(made)
    logging.getLogger("highdicom").setLevel(logging.ERROR)  # it logs identifiers
    names = {name: getattr(headers[0], name) for name in _NAMES}
    for name in _NAMES:
        setattr(headers[0], name, "")  # odd ones it would print
    try:
        with quiet():
            dataset: Dataset = Segmentation(
                source_images=headers,
                pixel_array=pixels,
                segmentation_type="BINARY",
                segment_descriptions=[
                    _describe(number, segment, model_name, model_version, include_text)
                    for number, segment in enumerate(segments, start=1)
                ],
                series_instance_uid=series,
                series_number=_SERIES_NUMBER,
                sop_instance_uid=instance,
                instance_number=1,
                manufacturer=MANUFACTURER,
                manufacturer_model_name="LexSeg",
                software_versions=software(model_version)[0],
                device_serial_number="0",
                content_label="LEXSEG",
                content_description=NOTE,
                content_creator_name="LexSeg^",
                series_description=f"LexSeg segmentation ({NOTE[:17].lower()})",
                series_date=date,
                series_time=time,
                content_date=date,
                content_time=time,
                omit_empty_frames=bool(pixels.any()),
                transfer_syntax_uid=ExplicitVRLittleEndian,
                specific_character_set=CHARACTERS,
            )
    # highdicom checks what it copies, and a clinic's headers hold nearly anything; its words may name the patient
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise DataError(
            f"{scan.name}: the header does not allow a DICOM SEG ({type(error).__name__}); write PNG instead"
        ) from error
    dataset.SoftwareVersions = software(model_version)
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    for item in dataset.get("ContributingEquipmentSequence", [])[-1:]:  # highdicom's own, with a time of its own
        item.ContributionDateTime = date + time
    dimensions = generate_uid(entropy_srcs=[str(instance), "dimensions"])  # the same however often it is made
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    for name, value in names.items():
        setattr(dataset, name, value)
    return dataset


def _describe(number: int, segment: Segment, model_name: str, model_version: str, include_text: bool) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription

    algorithm = AlgorithmIdentificationSequence(
        name=long_string(f"LexSeg {_last(model_name)}"),
        family=_coded(Code("123110", "DCM", "Artificial Intelligence")),
        version=long_string(model_version),
        source=MANUFACTURER,
    )
    label = long_string(segment.label) if include_text else ""
    item = SegmentDescription(
        segment_number=number,
        segment_label=label or f"Segment {number}",
        segmented_property_category=_coded(segment.finding.category),
        segmented_property_type=_coded(segment.finding.kind),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        display_color=CIELabColor.from_rgb(*colour_of(number)),
    )
    said = [segment.remark, segment.description if include_text else None]
    if described := " ".join(filter(None, said)):
        item.SegmentDescription = long_string(described, _LONGEST)
    return item


def _coded(code: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning)


def _last(name: str) -> str:
    return name.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]


def encode(what: Written) -> dict[str, bytes]:
    """The format's file; none where the question is not in scope, as an empty one would say that it was looked for."""
    if what.segment is None and what.answer.state == "not in scope":
        return {}
    content = seg_bytes(
        what.asked_scan,
        [what.shows()],
        model_name=what.model_name,
        model_version=what.model_version,
        include_text=what.include_text,
        bare=what.bare,
        uid=what.uid,
        made=what.made,
    )
    return {SEG.ending: content}


def refuse(scan: Scan, option: str) -> None:
    """Raises ``ConfigError`` where no segmentation can refer to the images."""
    check_dicom(scan, option, highdicom=True)
