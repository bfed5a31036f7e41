"""Raw data of nnU-Net: ``dataset.json``, ``imagesTr/case_0000.nii.gz``, ``labelsTr/case.nii.gz``.

Volumes or pictures. The classes' names are those of ``dataset.json`` (of both versions of nnU-Net). ``imagesTs`` with
``labelsTs`` becomes the split ``test``. Labels that overlap, which nnU-Net calls regions, are named by their own
value where it is one.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Split
from lexseg.datasets.importers.classes import (
    ClassMasks,
    ClassOptions,
    add_labels,
    names_from,
    plain,
    slices_of,
    tell_classes,
)
from lexseg.datasets.importers.expressions import read_json
from lexseg.datasets.importers.record import Findings, Record, list_images
from lexseg.datasets.volumes.find import VolumePair, find_pairs
from lexseg.errors import DataError
from lexseg.scans.masks import read_values
from lexseg.scans.nifti_volume import read_labels, read_volume
from lexseg.scans.open import SUFFIXES

_PARTS: tuple[tuple[str, Split], ...] = (("Tr", "train"), ("Ts", "test"))


def read(source: Path, drawn: Path, options: ClassOptions, *, channel: int | None = None) -> Findings:
    """Read a data set.

    Args:
        source: the folder ``DatasetNNN_Name``.
        drawn: where slices are drawn.
        options: which classes and slices are taken, and how they are asked for; its names go before those of
            ``dataset.json``.
        channel: which of the files ``case_0000``, ``case_0001``, ... is seen.
    """
    findings = Findings()
    known = names_from(options.names, _names(source / "dataset.json", findings))
    if not known:
        findings.note("error", "there are no names of classes: neither in dataset.json nor by --names 1=liver", source)
        return findings
    tell_classes(options, known.values(), source, findings)
    tested = (source / "labelsTs").is_dir()
    for part, split in _PARTS:
        images, labels = source / f"images{part}", source / f"labels{part}"
        if not (images.is_dir() and labels.is_dir()):
            continue
        whose = split if tested else None
        if any(path.suffix.lower() in SUFFIXES for path in labels.iterdir()):
            _pictures(images, labels, known, options, channel, whose, findings)
    for number, pair in enumerate(_volumes(source, channel, findings)):
        ours: Split | None = None if not tested else "test" if pair.mask.parent.name == "labelsTs" else "train"
        try:
            volume = read_volume(pair.volume, channel if pair.volume.name.count("_000") == 0 else None)
            masks = ClassMasks()
            unknown = add_labels(masks, read_labels(pair.mask, volume), known, options)
        except DataError as error:
            findings.note("error", str(error), pair.volume)
            continue
        for note in volume.notes:
            findings.note("warning", note, pair.volume)
        _tell_unknown(unknown, pair.mask, findings)
        findings.records += slices_of(plain(pair.name), volume, masks, options, drawn / str(number), split=ours)
    return findings


def _volumes(source: Path, channel: int | None, findings: Findings) -> list[VolumePair]:
    found = find_pairs(source, channel)
    for clash in found.clashes:
        shown = ", ".join(path.name for path in clash)
        findings.note("error", f"several files may be meant: {shown}; choose one by --channel", clash[0].parent)
    for path in (*found.volumes, *found.masks):
        if path.parent.name in ("imagesTr", "labelsTr", "labelsTs"):
            findings.note("warning", "left out: it has no partner (a volume its labels, labels their volume)", path)
    return found.pairs


def _pictures(
    images: Path,
    labels: Path,
    names: Mapping[int, str],
    options: ClassOptions,
    channel: int | None,
    split: Split | None,
    findings: Findings,
) -> None:
    by_case: dict[str, dict[int, Path]] = {}
    for path in list_images(images):
        match = re.fullmatch(r"(.+)_(\d{4})", path.stem)
        if match is not None:
            by_case.setdefault(match[1], {})[int(match[2])] = path
    for label in list_images(labels):
        channels = by_case.get(label.stem, {})
        image = channels.get(channel or 0)
        if image is None:
            findings.note("warning", f"left out: there is no image {label.stem}_{channel or 0:04d} of it", label)
            continue
        try:
            values, counts = _counted(read_values(label))
        except DataError as error:
            findings.note("error", str(error), label)
            continue
        _tell_unknown([value for value in values if value and value not in names], label, findings)
        for value, count in zip(values, counts, strict=True):
            name = names.get(value)
            if value and name is not None and options.takes(name) and count >= options.min_area:
                row = f"{label.stem}_{plain(name)}"
                findings.records.append(
                    Record(
                        row, image, label, options.sentence(name), split, {"class": name}, label,
                        patient=label.stem, label=value,
                    )
                )  # fmt: skip


def _counted(values: NDArray[Any]) -> tuple[list[int], list[int]]:
    """The values and how often each occurs."""
    found, counts = np.unique(values, return_counts=True)
    return [int(value) for value in found], [int(count) for count in counts]


def _names(path: Path, findings: Findings) -> dict[int, str]:
    """Values and names, of either version: ``{"liver": 1}`` or ``{"1": "liver"}``."""
    if not path.is_file():
        return {}
    try:
        content = read_json(path)
        labels = content["labels"] if isinstance(content, Mapping) else None
    except (DataError, KeyError) as error:
        findings.note("error", f"its labels cannot be read: {error}", path)
        return {}
    named: dict[int, str] = {}
    for key, value in labels.items() if isinstance(labels, Mapping) else []:
        name, number = (value, key) if isinstance(value, str) else (key, value)
        if isinstance(number, list) and len(number) == 1:
            number = number[0]
        if str(number).isdigit() and int(number) > 0 and str(name).lower() != "ignore":
            named[int(number)] = str(name)
    return named


def _tell_unknown(values: list[int], path: Path, findings: Findings) -> None:
    if values:
        shown = ", ".join(map(str, values[:10]))
        findings.note("warning", f"left out: the values {shown} of it have no name; name them by --names", path)
