"""What a reader does to write a result in the format of its upload. Imports no torch."""

import dataclasses
import datetime
import os
from pathlib import Path
from typing import Any

import numpy as np

from lexseg.outputs.codes import Code, CodedFinding
from lexseg.outputs.formats import Written, format_of
from lexseg.outputs.segment import Segment
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.open import open_scan
from lexseg.scans.scan import Scan


def write_result(request: dict[str, Any]) -> dict[str, Any]:
    """Write a mask in the format that is asked for, such as NIfTI or DICOM SEG, in the place of an upload.

    Args:
        request: of :func:`lexseg.server.exports.export`.
    """
    os.chdir(request["folder"])
    scan = open_scan(
        request["upload"], series=request["series"], channel=request["channel"], modality=request["modality"]
    )
    if scan.spacing is None and request["spacing"] is not None:
        scan = dataclasses.replace(scan, spacing=(request["spacing"][0], request["spacing"][1]))
    answer = _answer(request, scan)
    what = Written(
        answer=answer,
        scan=scan,
        segment=_segment(answer, request),
        include_text=request["words"] is not None,
        model_name=request["model"],
        model_version=request["version"],
        uid=request["uid"],
        made=datetime.datetime.fromisoformat(request["made"]),
    )
    (content,) = format_of(request["kind"]).encode(what).values()
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


def _segment(answer: VolumeSegmentation, request: dict[str, Any]) -> Segment:
    """The mask with its codes, which are kept where the words are not."""
    category, kind = (Code(*code) for code in request["finding"])
    words = request["words"]
    return Segment(answer, words or "", CodedFinding(category, kind), words, request["remark"])
