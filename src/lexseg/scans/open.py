"""Open whatever file or folder holds images: told by what is in it, not by its name."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from lexseg.errors import DataError
from lexseg.scans.archive import unzipped
from lexseg.scans.content import Content
from lexseg.scans.dicom.build import scan_of_file, scan_of_series
from lexseg.scans.dicom.header import Header, NotAnImage, looks_like_dicom, read_header
from lexseg.scans.dicom.kinds import INDEX
from lexseg.scans.dicom.series import by_frame_of_reference, describe_series, is_stack
from lexseg.scans.limits import MAX_FILES
from lexseg.scans.nifti import open_nifti
from lexseg.scans.nifti_header import nifti_magic
from lexseg.scans.nrrd import open_nrrd
from lexseg.scans.pictures import read_picture, turn_note
from lexseg.scans.quiet import quiet
from lexseg.scans.scan import Scan
from lexseg.scans.sources import ImageSource
from lexseg.scans.unpack import gunzip_start
from lexseg.scans.window import Window

Kind = Literal["image", "dicom", "nifti", "nrrd", "zip"]

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_START = 544  # bytes that a kind is told by
_EXPECTED = "expected PNG, JPEG, TIFF, BMP, DICOM, NIfTI or NRRD"


def open_scan(
    path: Path | str, *, series: str | None = None, channel: int | None = None, modality: str | None = None
) -> Scan:
    """An image or a volume.

    Args:
        path: a PNG, JPEG, TIFF, BMP, DICOM, NIfTI or NRRD file, or a folder or zip of DICOM files.
        series: which series is meant, of a folder or zip that holds several: its SeriesInstanceUID; or the
            SOPInstanceUID of one of its images that is meant alone.
        channel: which volume of a 4D file is meant, or which image at each place of a series; from 0.
        modality: what a NIfTI or NRRD volume is, such as CT or MR; by default CT is told by the values.

    Raises:
        DataError: if it cannot be read, is no image, or several could be meant; the message says which there are. And
            if the header names another modality.
    """
    scan = _open(Path(path), series, channel, None if modality is None else modality.strip().upper())
    if modality is not None and scan.modality != modality.strip().upper():
        said = "no NIfTI or NRRD" if scan.modality is None else f"the header says that it is {scan.modality}"
        raise DataError(f"{path}: {said}; leave --modality out")
    return scan


def _open(path: Path, series: str | None, channel: int | None, modality: str | None) -> Scan:
    with quiet():
        if path.is_dir():
            return _chosen(str(path), _of_folder(path), series, channel, modality)
        content = Content.of(path)
        kind = kind_of(content)
        if kind == "zip":
            return _chosen(content.name, _of_zip(content), series, channel, modality)
        try:
            return _open_file(content, kind, channel, series, modality)
        except NotAnImage as error:
            if error.what != INDEX:
                raise
            return _chosen(str(path), _of_folder(path.parent), series, channel)


def open_scans(path: Path | str) -> list[Scan]:
    """Every image and volume of a folder, a zip or a file, DICOM series first.

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    path = Path(path)
    with quiet():
        content = None if path.is_dir() else Content.of(path)
        if content is not None and kind_of(content) != "zip":
            return [open_scan(path)]
        name = str(path)
        contents = _of_folder(path) if content is None else _of_zip(content)
        headers, others, what = _sorted_out(contents)
        found = [_of_group(name, group, None) for group in _groups(headers)]
        found += [_open_file(other, kind, None) for other, kind in others]
        if not found:
            raise _nothing(name, what)
        return found


def kind_of(content: Content) -> Kind | None:
    """What a file is, by its first bytes; ``None`` if nothing that is known."""
    start = content.start(_START)
    if start[128:132] == b"DICM":  # before all else: what precedes may be the start of a TIFF
        return "dicom"
    return "image" if start.startswith(_PICTURES) else _kind_of_volume(content, start)


def _kind_of_volume(content: Content, start: bytes) -> Kind | None:
    if start[:2] == b"\x1f\x8b":
        start = gunzip_start(content, _START)
        return "nifti" if nifti_magic(start) else None
    if nifti_magic(start):
        return "nifti"
    if start.startswith(b"NRRD"):
        return "nrrd"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "dicom" if looks_like_dicom(start) else None


def _open_file(
    content: Content,
    kind: Kind | None,
    channel: int | None,
    series: str | None = None,
    modality: str | None = None,
) -> Scan:
    if kind == "dicom":
        header = read_header(content)
        if series is not None:
            _of_series(content.name, [header], series)
        return _of_group(content.name, [header], channel)
    if series is not None:
        raise DataError(f"{content.name}: is no DICOM, and of no series; leave --series out")
    if kind == "nifti":
        return open_nifti(content, channel, modality)
    if kind == "nrrd":
        return open_nrrd(content, channel, modality)
    if kind == "image" and content.path is not None:
        _check_channel(content.name, channel)
        return _open_image(content.path, content.name)
    if content.start(2) == b"\x1f\x8b":
        raise DataError(f"{content.name}: packed by gzip, and no NIfTI volume; unpack it first")
    raise DataError(f"{content.name}: not an image; {_EXPECTED}")


def _open_image(path: Path, name: str) -> Scan:
    pixels = read_picture(path)
    color, (height, width) = pixels.ndim == 3, pixels.shape[:2]
    note = turn_note(path)
    return Scan(
        name=name,
        format="image",
        modality=None,
        shape=(1, height, width),
        color=color,
        spacing=None,
        thickness=None,
        patient_left=None,
        windows=(Window(0, 1, "as stored"),),
        notes=() if note is None else (note,),
        source=ImageSource(path, np.rint(pixels * 255).astype(np.uint8) if color else pixels),
    )


def _of_folder(folder: Path) -> list[Content]:
    files: list[Path] = []
    for path in folder.rglob("*"):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts) and path.is_file():
            files.append(path)
        if len(files) > MAX_FILES:
            raise DataError(f"{folder}: more than {MAX_FILES:,} files; give the folder of one study")
    return [Content.of(path) for path in sorted(files) if path.stat().st_size]


def _of_zip(content: Content) -> list[Content]:
    def wanted(start: bytes) -> bool:
        return start[:2] == b"\x1f\x8b" or start[:4] == b"NRRD" or bool(nifti_magic(start)) or looks_like_dicom(start)

    return unzipped(content, wanted)


def _sorted_out(contents: Sequence[Content]) -> tuple[list[Header], list[tuple[Content, Kind]], set[str]]:
    """The DICOM images, files of other kinds, and what the DICOM files are that hold no images."""
    headers: list[Header] = []
    others: list[tuple[Content, Kind]] = []
    what: set[str] = set()
    for content in contents:
        kind = kind_of(content)
        if kind == "dicom":
            try:
                headers.append(read_header(content))
            except NotAnImage as error:
                what.add(error.what)
        elif kind is not None and kind != "zip":
            others.append((content, kind))
    return headers, others, what - {INDEX}


def _nothing(name: str, what: set[str]) -> DataError:
    if what:
        return DataError(f"{name}: holds {', '.join(sorted(what))}, but no image; give the images")
    return DataError(f"{name}: holds no DICOM images; expected the files of a study or series")


def _groups(headers: Sequence[Header]) -> Iterator[list[Header]]:
    """What belongs together: the slices of a series of one patient and study; all others alone."""
    by_owner: dict[tuple[str, ...], list[Header]] = {}
    for header in headers:
        by_owner.setdefault(header.owner, []).append(header)
    for owned in by_owner.values():
        for group in by_frame_of_reference(owned):
            if is_stack(group):
                yield group
            else:
                yield from ([header] for header in group)


def _of_group(name: str, group: Sequence[Header], channel: int | None) -> Scan:
    if len(group) > 1:
        return scan_of_series(name, group, channel)
    return scan_of_file(name, group[0], channel)


def _check_channel(name: str, channel: int | None) -> None:
    """Refuse to look for another image where there is one only: what is found in it would pass for the other's."""
    if channel:
        raise DataError(f"{name}: there is no channel {channel}: the file holds one image or clip; leave --channel out")


def _of_series(name: str, headers: Sequence[Header], series: str) -> list[Header]:
    """The images of a series, or the one of that SOPInstanceUID."""
    chosen = [header for header in headers if series in (header.series, header.instance)]
    if not chosen:
        raise DataError(f"{name}: there is no series {series}; there are: {'; '.join(describe_series(headers))}")
    return chosen


def _chosen(
    name: str, contents: Sequence[Content], series: str | None, channel: int | None, modality: str | None = None
) -> Scan:
    """The one scan of a folder or zip that is meant."""
    headers, others, what = _sorted_out(contents)
    if not headers:
        if len(others) == 1 and series is None:
            return _open_file(*others[0], channel, modality=modality)
        raise _nothing(name, what)
    if series is not None:
        headers = _of_series(name, headers, series)
    groups = list(_groups(headers))
    if len(groups) == 1:
        return _of_group(name, groups[0], channel)
    if len({header.series for header in headers}) == 1 and len({header.owner for header in headers}) > 1:
        which = "no SeriesInstanceUID" if not headers[0].series else "one SeriesInstanceUID"
        raise DataError(
            f"{name}: holds the images of several patients or studies under {which}, which make no volume; give each "
            "a folder of its own"
        )
    if len({header.series for header in headers}) == 1 and all(map(is_stack, groups)):
        raise DataError(
            f"{name}: the series lies in {len(groups)} frames of reference, between which places cannot be compared; "
            "give the files of each a folder of its own"
        )
    if len({header.series for header in headers}) == 1:
        listed = "; ".join(header.instance for header in headers[:20])
        raise DataError(
            f"{name}: the series holds {len(groups)} pictures that are no volume; open one file, or say which by "
            f"--series and its SOPInstanceUID: {listed}"
        )
    listed = "; ".join(describe_series(headers))
    raise DataError(f"{name}: holds {len(groups)} images or series, expected one; say which by --series: {listed}")
