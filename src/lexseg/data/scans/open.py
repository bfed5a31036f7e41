"""Open whatever file or folder holds images: told by what is in it, not by its name."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lexseg.data.images import read_image
from lexseg.data.scans.content import Content
from lexseg.data.scans.dicom.build import scan_of_file, scan_of_series
from lexseg.data.scans.dicom.header import Header, looks_like_dicom, read_dataset, read_header, text
from lexseg.data.scans.dicom.kinds import not_an_image
from lexseg.data.scans.dicom.series import describe_series, is_stack
from lexseg.data.scans.limits import MAX_FILES
from lexseg.data.scans.nifti import gunzip_start, nifti_magic, open_nifti
from lexseg.data.scans.quiet import quiet
from lexseg.data.scans.scan import Scan
from lexseg.data.scans.sources import ImageSource
from lexseg.data.volumes.window import Window
from lexseg.errors import DataError

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_EXPECTED = "expected PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD, a zip or a folder of DICOM files"


def open_scan(path: Path | str, *, series: str | None = None, channel: int | None = None) -> Scan:
    """An image or a volume.

    Args:
        path: a PNG, JPEG, TIFF, BMP, DICOM, NIfTI or NRRD file, or a folder or zip of DICOM files.
        series: which series of a folder or zip is meant: its SeriesInstanceUID; or the SOPInstanceUID of one of its
            images that is meant alone.
        channel: which volume of a 4D file is meant, or which image at each place of a series; from 0.

    Raises:
        DataError: if it cannot be read, is no image, or several could be meant; the message says which there are.
    """
    with quiet():
        path = Path(path)
        if path.is_dir():
            return _one(str(path), _of_folder(path), series, channel)
        content = Content.of(path)
        return _open_file(content, series, channel)


def open_scans(path: Path | str) -> list[Scan]:
    """Every image and volume of a folder, a zip or a file.

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    with quiet():
        path = Path(path)
        if not path.is_dir():
            return [open_scan(path)]
        contents = _of_folder(path)
        headers = _headers(str(path), contents)
        found = [_of_group(str(path), group, None) for group in _groups(headers)]
        others = [content for content in contents if _kind(content) in ("image", "nifti", "nrrd")]
        found += [_open_file(content, None, None) for content in others]
        if not found:
            raise DataError(f"{path}: the folder holds no images; {_EXPECTED}")
        return found


def _open_file(content: Content, series: str | None, channel: int | None) -> Scan:
    kind = _kind(content)
    if kind == "dicom":
        return scan_of_file(content.name, read_header(content))
    if kind == "nifti":
        return open_nifti(content, channel)
    if kind == "image" and content.path is not None:
        return _open_image(content.path, content.name)
    raise DataError(f"{content.name}: not an image; {_EXPECTED}")


def _kind(content: Content) -> str | None:
    start = content.start(544)
    if start[128:132] == b"DICM":  # before all else: what precedes may be the start of a TIFF
        return "dicom"
    if start.startswith(_PICTURES):
        return "image"
    if start[:2] == b"\x1f\x8b":
        start = gunzip_start(content, 544)
        return "nifti" if nifti_magic(start) else None
    if nifti_magic(start):
        return "nifti"
    if start.startswith(b"NRRD"):
        return "nrrd"
    if start.startswith(b"PK"):
        return "zip"
    return "dicom" if looks_like_dicom(start) else None


def _open_image(path: Path, name: str) -> Scan:
    pixels = read_image(path)
    color = pixels.ndim == 3
    values = np.rint(pixels * 255).astype(np.uint8) if color else pixels
    return Scan(
        name=name,
        format="image",
        modality=None,
        shape=(1, *pixels.shape[:2]),  # type: ignore[arg-type]
        color=color,
        spacing=None,
        thickness=None,
        patient_left=None,
        windows=(Window(0, 1, "as stored"),),
        notes=(),
        source=ImageSource(path, values),
    )


def _of_folder(folder: Path) -> list[Content]:
    files = [path for path in sorted(folder.rglob("*")) if _seen(path, folder) and path.is_file()]
    if len(files) > MAX_FILES:
        raise DataError(f"{folder}: {len(files):,} files; at most {MAX_FILES:,} are looked at, give one study")
    return [Content.of(path) for path in files if path.stat().st_size]


def _seen(path: Path, root: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(root).parts)


def _headers(name: str, contents: Sequence[Content]) -> list[Header]:
    found, others = [], []
    for content in contents:
        if _kind(content) != "dicom":
            continue
        dataset = read_dataset(content)[0]
        what = not_an_image(text(dataset, "SOPClassUID"), text(dataset, "Modality").upper())
        if what is None:
            found.append(read_header(content))
        elif "DICOMDIR" not in what:
            others.append(what)
    if others and not found:
        raise DataError(f"{name}: holds {', '.join(sorted(set(others)))}, but no image; give the images")
    return found


def _groups(headers: Sequence[Header]) -> Iterator[list[Header]]:
    """What belongs together: the slices of a series; all others alone."""
    by_series: dict[str, list[Header]] = {}
    for header in headers:
        by_series.setdefault(header.series, []).append(header)
    for group in by_series.values():
        if is_stack(group):
            yield group
        else:
            yield from ([header] for header in group)


def _of_group(name: str, group: Sequence[Header], channel: int | None) -> Scan:
    return scan_of_file(name, group[0]) if len(group) == 1 else scan_of_series(name, group, channel)


def _one(name: str, contents: Sequence[Content], series: str | None, channel: int | None) -> Scan:
    headers = _headers(name, contents)
    if not headers:
        raise DataError(f"{name}: holds no DICOM images; {_EXPECTED}")
    if series is not None:
        chosen = [header for header in headers if series in (header.series, header.instance)]
        if not chosen:
            listed = "; ".join(describe_series(headers))
            raise DataError(f"{name}: there is no series {series}; there are: {listed}")
        headers = chosen
    groups = list(_groups(headers))
    if len(groups) > 1:
        listed = "; ".join(describe_series(headers))
        raise DataError(f"{name}: holds {len(groups)} images or series, expected one; say which by --series: {listed}")
    return _of_group(name, groups[0], channel)
