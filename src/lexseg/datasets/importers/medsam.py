"""MedSAM's files: ``.npz`` that hold images and labels, or folders ``imgs`` and ``gts`` of ``.npy``.

An ``.npz`` has ``imgs`` (0 to 255), ``gts`` and, of volumes, ``spacing``. The files hold no names of classes and no
sides: ``names`` says the first, and left and right are those of the image. They are read without pickle.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.datasets.importers.classes import ClassMasks, ClassOptions, add_labels, plain, slices_of, tell_classes
from lexseg.datasets.importers.record import Findings, Record, find_folder
from lexseg.errors import DataError
from lexseg.scans.limits import MAX_PIXELS, MAX_VOXELS
from lexseg.scans.nifti_volume import Volume, as_labels


def read(source: Path, drawn: Path, options: ClassOptions) -> Findings:
    """Read ``.npz`` files, or folders of ``.npy``.

    Args:
        source: a folder, searched with all folders in it, or one file.
        drawn: where slices are drawn.
        options: which classes and slices are taken, and how they are asked for; without names, every value is one
            class, called by the sentence.
    """
    findings, names = Findings(), options.names
    if names is None and options.text is None:
        findings.note(
            "error",
            "the files hold no names of classes: say them by --names 1=liver, or the sentence by --text",
            source,
        )
        return findings
    tell_classes(options, (names or {}).values(), source, findings)
    entries = list(_entries(source, findings))
    if not entries and not findings.problems:
        findings.note("error", "there is no .npz file, and no 'imgs' with 'gts' of .npy files", source)
    for number, (name, path, second) in enumerate(entries):
        try:
            image, labels, spacing = _npz(path) if second is None else (_npy(path), _npy(second), None)
            labels = as_labels(path, labels)
            known = names or {int(value): "" for value in np.unique(labels) if value}
            findings.records += _rows(name, path, image, labels, spacing, known, options, drawn / str(number), findings)
        except DataError as error:
            findings.note("error", str(error), path)
    return findings


def _entries(source: Path, findings: Findings) -> Iterator[tuple[str, Path, Path | None]]:
    """Name, file of the image and file of the labels, where that is another."""
    if source.is_file():
        yield source.stem, source, None
        return
    for path in sorted(source.rglob("*.npz")):
        yield path.stem, path, None
    for folder in sorted({source, *(path.parent for path in source.rglob("imgs"))}):
        images, labels = find_folder(folder, ("imgs",)), find_folder(folder, ("gts",))
        for path in sorted(images.glob("*.npy")) if images is not None and labels is not None else []:
            assert labels is not None
            if (labels / path.name).is_file():
                yield path.stem, path, labels / path.name
            else:
                findings.note("warning", "left out: there are no labels of this name in 'gts'", path)


def _npz(path: Path) -> tuple[NDArray[Any], NDArray[Any], tuple[float, float] | None]:
    try:
        with np.load(path, allow_pickle=False) as held:
            missing = [name for name in ("imgs", "gts") if name not in held]
            if missing:
                raise DataError(f"{path}: holds no {' and no '.join(missing)}; there are {', '.join(held)}")
            image, labels = held["imgs"], held["gts"]
            spacing = np.asarray(held["spacing"], np.float64).ravel() if "spacing" in held else None
    except DataError:
        raise
    # a damaged archive makes zipfile and numpy raise nearly anything
    except Exception as error:
        raise DataError(f"{path}: damaged, or pickled, which is never read ({type(error).__name__})") from error
    if spacing is None or len(spacing) < 2 or not (np.isfinite(spacing).all() and spacing.min() > 0):
        return image, labels, None
    return image, labels, (float(spacing[1]), float(spacing[0]))  # x, y, z, as SimpleITK has it


def _npy(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    # as above
    except Exception as error:
        raise DataError(f"{path}: damaged, or pickled, which is never read ({type(error).__name__})") from error


def _rows(
    name: str,
    path: Path,
    image: NDArray[Any],
    labels: NDArray[Any],
    spacing: tuple[float, float] | None,
    names: Mapping[int, str],
    options: ClassOptions,
    drawn: Path,
    findings: Findings,
) -> list[Record]:
    values = _bytes(path, image)
    color = values.ndim == labels.ndim + 1
    if values.shape[: labels.ndim] != labels.shape or labels.ndim not in (2, 3) or values.size > MAX_VOXELS:
        raise DataError(
            f"{path}: images of shape {image.shape}, labels of shape {labels.shape}; they do not belong together"
        )
    if labels.ndim == 2 and not color:
        values, labels = values[None], labels[None]
    masks = ClassMasks()
    if color:
        return _colour(name, path, values, labels, names, options, drawn)
    # slices first; a volume is [rows, columns, slices]
    unknown = add_labels(masks, np.moveaxis(labels, 0, -1), names, options)
    if unknown:
        findings.note("warning", f"left out: the values {', '.join(map(str, unknown[:10]))} have no name", path)
    count = len(values)
    volume = Volume(path, np.moveaxis(values, 0, -1), spacing, tuple(range(count)), False, np.eye(4), np.eye(3, 2))
    return list(slices_of(plain(name), volume, masks, options, drawn, laterality="image", shown=True))


def _colour(
    name: str,
    path: Path,
    values: NDArray[np.uint8],
    labels: NDArray[Any],
    names: Mapping[int, str],
    options: ClassOptions,
    drawn: Path,
) -> list[Record]:
    if labels.ndim != 2 or values.shape[-1] != 3 or labels.size > MAX_PIXELS or labels.max(initial=0) > 65535:
        raise DataError(f"{path}: images of shape {values.shape}; a colour image has three channels and is no volume")
    drawn.mkdir(parents=True, exist_ok=True)
    image, mask = drawn / f"{plain(name)}.png", drawn / f"{plain(name)}_mask.png"
    Image.fromarray(values).save(image)
    Image.fromarray(labels.astype(np.uint8 if labels.max(initial=0) < 256 else np.uint16)).save(mask)
    rows = []
    for value, said in names.items():
        if int((labels == value).sum()) >= max(1, options.min_area) and options.takes(said):
            row = f"{plain(name)}_{plain(said) or value}"
            rows.append(
                Record(
                    row, image, mask, options.sentence(said), None, {"class": said} if said else {}, path,
                    patient=plain(name), laterality="image", label=value,
                )
            )  # fmt: skip
    return rows


def _bytes(path: Path, image: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of 0 to 255, as MedSAM has them, or 0 to 1, as its ``.npy`` files do."""
    if image.dtype.kind not in "uif" or image.size == 0 or not np.isfinite(image).all():
        raise DataError(f"{path}: images of {image.dtype}; numbers were expected")
    low, high = float(image.min()), float(image.max())
    if image.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.asarray(np.rint(image * 255).astype(np.uint8))
    if low < 0 or high > 255:
        raise DataError(f"{path}: values from {low:g} to {high:g}; MedSAM's images run from 0 to 255, or from 0 to 1")
    return np.asarray(np.rint(image).astype(np.uint8))
