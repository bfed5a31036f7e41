"""A picture with what was found drawn in, as a DICOM secondary capture: for viewers that do not show segmentations."""

import datetime
import io
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from lexseg.outputs.derived import NOTE, check_dicom, source_of, tidy
from lexseg.outputs.formats import CAPTURE, Written
from lexseg.outputs.instance import new_instance
from lexseg.outputs.references import name_frame
from lexseg.scans.scan import Scan

_SERIES_NUMBER = 901


def capture_bytes(scan: Scan, frame: int, picture: Image.Image, **options: Any) -> bytes:
    """The bytes of a DICOM file of :func:`write_capture`, which explains the arguments."""
    buffer = io.BytesIO()
    write_capture(scan, frame, picture, **options).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_capture(
    scan: Scan,
    frame: int,
    picture: Image.Image,
    *,
    model_version: str,
    includes_text: bool = False,
    number: int = 1,
    uid: str | None = None,
    made: datetime.datetime | None = None,
) -> Dataset:
    """Make a secondary capture of an overlay.

    Args:
        scan: the images, from DICOM.
        frame: which of its frames the picture is of, from 0.
        picture: the overlay, RGB; of :func:`lexseg.outputs.overlay.draw_overlay`.
        model_version: of the model that segmented.
        includes_text: whether a sentence is drawn into the picture. It may tell of a patient, and is then declared.
        number: InstanceNumber, of several captures of a series.
        uid: SOPInstanceUID of the new object; ``None`` makes one up.
        made: when it was made; ``None`` is now.

    Returns:
        the object, with its file meta information.

    Raises:
        DataError: if the scan is not from DICOM, or its headers lack what the capture must refer to.
    """
    original = source_of(scan).dataset(frame)
    header = tidy(original)
    capture = new_instance(
        scan, frame, SecondaryCaptureImageStorage, "OT", model_version=model_version, number=number, uid=uid, made=made
    )
    capture.SeriesNumber = _SERIES_NUMBER
    capture.SeriesDescription = f"LexSeg overlay ({NOTE[:17].lower()})"
    capture.ContentDate, capture.ContentTime = capture.SeriesDate, capture.SeriesTime
    capture.ConversionType = "WSD"
    # of the picture, which hangs as the image does; empty where the image does not say
    capture.PatientOrientation = header.get("PatientOrientation") or ""
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.DerivationDescription = f"Overlay of an automatic segmentation. {NOTE}"
    capture.SourceImageSequence = [name_frame(scan, frame)]
    burned = includes_text or str(original.get("BurnedInAnnotation") or "") == "YES"
    capture.BurnedInAnnotation = "YES" if burned else "NO"
    capture.ImageComments = NOTE
    _set_pixels(capture, picture, str(header.get("LossyImageCompression") or ""))
    return capture


def _set_pixels(capture: Dataset, picture: Image.Image, lossy: str) -> None:
    pixels = np.asarray(picture.convert("RGB"))
    capture.SamplesPerPixel, capture.PhotometricInterpretation, capture.PlanarConfiguration = 3, "RGB", 0
    capture.Rows, capture.Columns = pixels.shape[:2]
    capture.BitsAllocated = capture.BitsStored = 8
    capture.HighBit, capture.PixelRepresentation = 7, 0
    capture.LossyImageCompression = "01" if lossy == "01" else "00"
    content = pixels.tobytes()
    capture.PixelData = content + b"\0" * (len(content) % 2)


def encode(what: Written) -> dict[str, bytes]:
    """The format's file, of the frame that is drawn."""
    assert what.picture is not None
    content = capture_bytes(
        what.asked_scan,
        what.frame,
        what.picture,
        model_version=what.model_version,
        includes_text=what.include_text,
        uid=what.uid,
        made=what.made,
    )
    return {CAPTURE.ending: content}


def refuse(scan: Scan, option: str) -> None:
    """Raises ``ConfigError`` where no capture can refer to the images."""
    check_dicom(scan, option)
