"""3D Slicer's files: a volume and its segmentation, a ``.seg.nrrd`` or a label map.

The segments' names and values are those of the ``.seg.nrrd``; of other label maps ``names`` says them. A segmentation
that was saved cut to its segments is put back to where its header says it lies.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nrrd
import numpy as np

from lexseg.datasets.importers.classes import ClassMasks, ClassOptions, names_from, plain, slices_of, tell_classes
from lexseg.datasets.importers.record import Findings
from lexseg.datasets.volumes.find import VolumePair, find_pairs
from lexseg.errors import DataError
from lexseg.scans.nifti_volume import Volume, read_part, read_volume

_LAYERS = ("list", "vector", "???", "none")


def read(source: Path, drawn: Path, options: ClassOptions, *, channel: int | None = None) -> Findings:
    """Read volumes and segmentations.

    Args:
        source: a folder, searched with all folders in it: pairs by name (``a.nrrd`` with ``a.seg.nrrd``,
            ``a-label.nrrd``, ``a_segmentation.seg.nrrd``), or one volume and one segmentation in a folder.
        drawn: where slices are drawn.
        options: which segments and slices are taken, and how they are asked for; its names go before those of the
            file.
        channel: which volume of a 4D file.
    """
    findings = Findings()
    known: set[str] = set()
    pairs = _pairs(source, findings)
    if not pairs and not findings.problems:
        findings.note("error", "there is no volume with a segmentation (.seg.nrrd, or a label map)", source)
    for number, pair in enumerate(pairs):
        try:
            volume = read_volume(pair.volume, channel)
            masks = _segments(pair.mask, volume, options.names, options, known, findings)
        except DataError as error:
            findings.note("error", str(error), pair.mask)
            continue
        for note in volume.notes:
            findings.note("warning", note, pair.volume)
        rows = list(slices_of(plain(pair.name), volume, masks, options, drawn / str(number)))
        if not rows:
            findings.note("warning", "left out: no slice shows enough of any segment that is taken", pair.mask)
        findings.records += rows
    tell_classes(options, known, source, findings)
    return findings


def _pairs(source: Path, findings: Findings) -> list[VolumePair]:
    found = find_pairs(source)
    for clash in found.clashes:
        shown = ", ".join(path.name for path in clash)
        findings.note("error", f"several files may be meant: {shown}; keep the one that is", clash[0].parent)
    pairs, masks, volumes = list(found.pairs), list(found.masks), list(found.volumes)
    for folder in sorted({path.parent for path in masks}):
        mine = [path for path in masks if path.parent == folder]
        theirs = [path for path in volumes if path.parent == folder]
        if len(mine) == len(theirs) == 1 and not any(pair.volume.parent == folder for pair in pairs):
            # Slicer's own name for it is "Segmentation.seg.nrrd", whatever the volume's
            pairs.append(VolumePair(folder.resolve().name, theirs[0], mine[0]))
            masks.remove(mine[0])
            volumes.remove(theirs[0])
    for path in (*volumes, *masks):
        findings.note("warning", "left out: it has no partner (a volume its segmentation, that its volume)", path)
    return pairs


def _segments(
    path: Path,
    volume: Volume,
    given: Mapping[int, str] | None,
    options: ClassOptions,
    known: set[str],
    findings: Findings,
) -> ClassMasks:
    header: dict[str, Any] = {}
    if path.name.lower().endswith(".nrrd"):
        try:
            header = dict(nrrd.read_header(str(path)))
        # a damaged header makes pynrrd raise nearly anything
        except Exception as error:
            raise DataError(f"{path}: the header is damaged ({type(error).__name__})") from error
    stated = _stated(header)
    layers = [0] if not stated else sorted({layer for layer, _, _ in stated})
    masks = ClassMasks()
    several = _several(header)
    for layer in layers:
        labels = read_part(path, volume, layer if several else None)
        found = {value: name for at, value, name in stated if at == layer}
        named = names_from(given if not stated or len(layers) == 1 else None, found)
        for value in (int(value) for value in np.unique(labels) if value):
            if value not in named:
                findings.note(
                    "warning", f"left out: the value {value} has no name; name it by --names {value}=...", path
                )
                continue
            known.add(named[value])
            if options.takes(named[value]):
                number = value if value not in masks.names else max(masks.names) + 1
                masks.add(number, named[value], labels == value)
    known |= {name for _, _, name in stated}
    return masks


def _stated(header: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """Layer, value and name of each segment that the header tells of."""
    found = []
    for key in header:
        match = re.fullmatch(r"Segment(\d+)_Name", str(key))
        if match is None:
            continue
        start = f"Segment{match[1]}_"
        try:
            layer, value = int(header.get(f"{start}Layer", 0)), int(header.get(f"{start}LabelValue", 1))
        except ValueError as error:
            raise DataError(f"the header's {start}Layer or {start}LabelValue is no number") from error
        found.append((layer, value, str(header[key])))
    return found


def _several(header: Mapping[str, Any]) -> bool:
    kinds = [str(kind) for kind in header.get("kinds", [])]
    return len(header.get("sizes", [])) > 3 and (not kinds or any(kind in _LAYERS for kind in kinds))
