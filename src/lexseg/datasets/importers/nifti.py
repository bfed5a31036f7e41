"""NIfTI volumes with masks of lesions, as slices: one row for each slice that shows enough of them.

Folders and names tell which mask is whose, see `lexseg.datasets.volumes.find`. A slice is seen as radiologists
see it, the patient's right at the left of the image; sentences mean the patient's sides unless said otherwise. The mask
of a slice holds its lesions by number, the same number in every slice of a volume. The patient is the volume.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from lexseg.cases.mask_values import table
from lexseg.datasets.importers.record import Findings, Record
from lexseg.datasets.volumes.cut import MIN_AREA, CutOptions, Slice, cut_volume
from lexseg.datasets.volumes.find import VolumePair, find_pairs
from lexseg.errors import DataError
from lexseg.scans.nifti_volume import Volume, stem_of
from lexseg.scans.nifti_volume import read_labels as labels_of
from lexseg.scans.nifti_volume import read_volume as volume_of
from lexseg.scans.window import parse_window

_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def read(
    source: Path,
    drawn: Path,
    *,
    text: str | None = None,
    window: str = "auto",
    lesion: tuple[int, ...] = (),
    organ: tuple[int, ...] = (),
    min_area: float = MIN_AREA,
    every: int = 1,
    channel: int | None = None,
) -> Findings:
    """Cut slices from volumes.

    Args:
        source: a folder of volumes and masks, or one volume whose mask lies beside it.
        drawn: where the slices are drawn.
        text: the sentence of every slice; by default their number is told ("Two lesions.").
        window: as `parse_window` reads it.
        lesion: labels of the mask that are lesions; may be left out where the mask has one label.
        organ: labels that are the organ around them; then each slice has a mask of it, in the column ``organ``.
        min_area: of the lesions in a slice together, square millimetres (pixels where the spacing is not known).
        every: of the slices that have this area, take only every so many, so that 2 takes every second one.
        channel: which volume of a 4D file, or which file of ``a_0000``, ``a_0001``, ...

    Raises:
        ConfigError: for a window, labels or numbers that cannot be.
    """
    options = CutOptions(parse_window(window), lesion, organ, min_area, every)
    findings = Findings()
    found = find_pairs(source, channel)
    for clash in found.clashes:
        names = ", ".join(path.name for path in clash)
        findings.note("error", f"several files may be meant: {names}; keep the one that is", clash[0].parent)
    for path in found.volumes:
        findings.note("warning", "left out: there is no mask of this volume", path)
    for path in found.masks:
        findings.note("warning", "left out: there is no volume of this mask", path)
    if not found.pairs and not findings.problems:
        findings.note("error", "there is no volume (.nii or .nii.gz) with a mask", source)
    held: dict[Path, frozenset[int]] = {}
    for number, (pair, name) in enumerate(zip(found.pairs, _names(found.pairs), strict=True)):
        folder = drawn / str(number)
        try:
            volume = volume_of(pair.volume, channel)
            odd: list[str] = []
            labels = labels_of(pair.mask, volume, odd)
            for note in odd:
                findings.note("warning", note, pair.mask)
            held[pair.mask] = frozenset(int(value) for value in np.unique(labels))
            slices = list(cut_volume(volume, labels, str(pair.mask), options))
        except DataError as error:
            findings.note("error", *_apart(str(error), pair))
            continue
        for note in volume.notes:
            findings.note("warning", note, pair.volume)
        _tell_missing_values(volume, findings)
        if not slices:
            area = f"{min_area:g} {'pixels' if volume.spacing is None else 'mm²'}"
            findings.note("warning", f"left out: no slice shows lesions of {area} or more", pair.volume)
        for cut in sorted(slices, key=lambda each: each.number):
            findings.records.append(_store(folder, name, volume, cut, text))
    _tell_labels(held, lesion, organ, source, findings)
    return findings


def _tell_labels(
    held: Mapping[Path, frozenset[int]],
    lesion: tuple[int, ...],
    organ: tuple[int, ...],
    source: Path,
    findings: Findings,
) -> None:
    """Errors where the masks together leave open which label is the lesion, or none holds one that was named."""
    found = {value for each in held.values() for value in each if value}
    if not lesion and len(found - {*organ}) > 1 and all(len(each - {0, *organ}) < 2 for each in held.values()):
        message = (
            f"the masks hold different labels: {table(held)}; say which are lesions by --lesion, such as --lesion 1,2 "
            "for both"
        )
        findings.note("error", message, source)
    for option, named in (("--lesion", lesion), ("--organ", organ)):
        missing = [str(label) for label in named if label not in found]
        if missing and held:
            findings.note("error", f"no mask holds the label {', '.join(missing)} of {option}: {table(held)}", source)


def _names(pairs: list[VolumePair]) -> list[str]:
    """``liver_12``; ``volume-3`` where only a number is left of the name; with the folder where names are equal."""
    names = [stem_of(pair.volume) if pair.name.isdigit() else pair.name for pair in pairs]
    counts = Counter(names)
    named = [
        f"{pair.volume.parent.name}_{name}" if counts[name] > 1 else name
        for pair, name in zip(pairs, names, strict=True)
    ]
    counts = Counter(named)
    return [name if counts[name] == 1 else f"{name}_{number}" for number, name in enumerate(named, start=1)]


def _apart(message: str, pair: VolumePair) -> tuple[str, Path]:
    """The message without the file at its start, and the file."""
    for path in (pair.mask, pair.volume):
        if message.startswith(f"{path}: "):
            return message.removeprefix(f"{path}: "), path
    return message, pair.volume


def _tell_missing_values(volume: Volume, findings: Findings) -> None:
    if volume.values.dtype.kind != "f":
        return
    missing = int(np.count_nonzero(~np.isfinite(volume.values)))
    if missing:
        message = f"{missing} of {volume.values.size} voxels are no numbers (NaN or infinite); NaN is shown black"
        findings.note("warning", message, volume.path)


def _store(folder: Path, name: str, volume: Volume, cut: Slice, text: str | None) -> Record:
    stem = f"{name}_s{cut.number:03d}"
    paths = {kind: folder / kind / f"{stem}.png" for kind in ("image", "mask", "organ")}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(cut.image).save(paths["image"])
    deep = int(cut.instances.max()) > 255
    Image.fromarray(cut.instances if deep else cut.instances.astype(np.uint8)).save(paths["mask"])
    files = {}
    if cut.organ is not None:
        files["organ"] = paths["organ"]
        Image.fromarray(np.where(cut.organ, 255, 0).astype(np.uint8)).save(files["organ"])
    return Record(
        stem,
        paths["image"],
        paths["mask"],
        _count(len(cut.targets)) if text is None else " ".join(text.split()),
        columns={"slice": str(cut.number)},
        source=volume.path,
        patient=name,
        laterality="patient" if volume.oriented else "image",
        spacing=volume.spacing,
        target_ids=cut.targets,
        files=files,
    )


def _count(number: int) -> str:
    return f"{_NUMBERS[number] if number < len(_NUMBERS) else number} lesion{'s' * (number != 1)}."
