"""What a reader does to write a result in the format of its upload. Imports no torch."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.open import open_scan
from lexseg.scans.scan import Scan


def write_result(request: dict[str, Any]) -> dict[str, Any]:
    """Write a NIfTI mask or a DICOM SEG of an upload.

    Args:
        request: of :func:`lexseg.server.exports.export`.
    """
    os.chdir(request["folder"])
    scan = open_scan(request["upload"], series=request["series"], channel=request["channel"])
    if scan.spacing is None and request["spacing"] is not None:
        scan = dataclasses.replace(scan, spacing=(request["spacing"][0], request["spacing"][1]))
    answer = _answer(request, scan)
    if request["kind"] == "nifti":
        from lexseg.outputs.nifti import nifti_bytes

        content = nifti_bytes(scan, answer.whole())
    else:
        content = _seg(scan, answer, request)
    Path(request["into"]).write_bytes(content)
    return {}


def _answer(request: dict[str, Any], scan: Scan) -> VolumeSegmentation:
    with open(request["bits"], "rb") as file:
        packed = file.read()
    bits = {number: np.frombuffer(packed, np.uint8, length, start) for number, start, length in request["places"]}
    frames, height, width = request["shape"]
    return VolumeSegmentation(
        shape=(frames, height, width),
        frames=range(*request["frames"]),
        bits=bits,
        presence=None,
        presence_threshold=None,
        threshold=request["threshold"],
        highest=1.0,
        spacing=scan.spacing,
        thickness=scan.thickness,
    )


def _seg(scan: Scan, answer: VolumeSegmentation, request: dict[str, Any]) -> bytes:
    from lexseg.outputs.codes import Code, Finding
    from lexseg.outputs.seg import seg_bytes
    from lexseg.outputs.segment import Segment

    category, kind = (Code(*code) for code in request["finding"])
    words = request["words"]
    segment = Segment(answer, words or "", Finding(category, kind), words, request["remark"])
    return seg_bytes(
        scan,
        [segment],
        model_name=request["model"],
        model_version=request["version"],
        include_text=words is not None,
        uid=request["uid"],
    )
