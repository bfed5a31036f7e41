"""Results in the format that the image came in, written by a reader: it knows the upload's axes and headers."""

import secrets
from pathlib import Path
from typing import Any

import pydicom.uid

from lexseg.errors import ConfigError
from lexseg.outputs.derived import check_dicom
from lexseg.outputs.formats import SEG, Format
from lexseg.predict.segmenter import Segmenter
from lexseg.server.images import OpenImage
from lexseg.server.intake import Intake
from lexseg.server.results import Result


def can_seg(image: OpenImage) -> bool:
    """Whether results of an image can be had as DICOM SEG."""
    try:
        check_dicom(image.scan, SEG.option, highdicom=True)
    except ConfigError:
        return False
    return True


async def export(intake: Intake, image: OpenImage, result: Result, format: Format, segmenter: Segmenter) -> bytes:
    """The bytes of a result in another format, such as NIfTI or DICOM SEG.

    Raises:
        Refusal: if the image cannot be told in such a file.
    """
    name = secrets.token_hex(8)
    bits, into = image.folder / f"{name}.bits", image.folder / f"{name}.{format.name}"
    try:
        places = _write_bits(bits, result)
        uid = pydicom.uid.generate_uid(entropy_srcs=[result.id])  # the same file however often it is fetched
        request: dict[str, Any] = image.opened_with | {
            "do": "write",
            "kind": format.name,
            "bits": str(bits),
            "places": places,
            "into": str(into),
            "shape": list(image.scan.shape),
            "frames": [result.frames.start, result.frames.stop],
            "threshold": result.values["threshold"],
            "finding": result.finding,
            "words": result.words,
            "remark": result.remark,
            "model": segmenter.name,
            "version": segmenter.sha256 or "unknown",
            "uid": str(uid),
            "made": result.made.isoformat(),
        }
        await intake.do(request, image.nbytes)
        return into.read_bytes()
    finally:
        for path in (bits, into):
            path.unlink(missing_ok=True)


def _write_bits(path: Path, result: Result) -> list[tuple[int, int, int]]:
    """Write the masks' bits; gives of each frame its number, and where its bits start and how many bytes they are."""
    places = []
    with open(path, "xb") as file:
        for number in sorted(result.bits):
            packed = result.packed(number)
            places.append((number, file.tell(), len(packed)))
            file.write(packed)
    return places
