"""Files of every medical format, alone or together: what belongs to what, and which of it is meant."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lexseg.errors import DataError
from lexseg.scans.archive import unzipped
from lexseg.scans.content import Content, Kind, foreign_kind, is_metaimage, kind_of, looks_like_dicom, nifti_magic
from lexseg.scans.dicom.build import scan_of_file, scan_of_series
from lexseg.scans.dicom.header import Header, NotAnImage, read_header
from lexseg.scans.dicom.kinds import INDEX
from lexseg.scans.dicom.series import by_frame_of_reference, describe_series, is_stack
from lexseg.scans.limits import MAX_FILES
from lexseg.scans.metaimage import open_metaimage
from lexseg.scans.nifti import open_nifti
from lexseg.scans.nrrd import open_nrrd
from lexseg.scans.scan import Scan

_EXPECTED = "expected PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD or MetaImage (.mha)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which scan is meant, of several.

    Attributes:
        picture: opens a PNG, JPEG, TIFF or BMP: its path, what messages call it, and the channel.
        series: its SeriesInstanceUID, or the SOPInstanceUID of one of its images; ``None`` where there is one.
        channel: which volume of a 4D file, or which image at each place of a series; from 0.
        modality: what a NIfTI or NRRD volume is; ``None`` has its values tell whether it is CT.
    """

    picture: Callable[[Path, str, int | None], Scan]
    series: str | None = None
    channel: int | None = None
    modality: str | None = None


def scan_at(path: Path, wanted: Wanted) -> Scan:
    """The one scan that is meant of a folder, a zip or a file: :func:`lexseg.scans.open.open_scan`."""
    if path.is_dir():
        return _chosen(str(path), _files_of_folder(path), wanted)
    content = Content.of(path)
    kind = kind_of(content)
    if kind == "zip":
        return _chosen(content.name, _files_of_zip(content), wanted)
    try:
        return _open_file(content, kind, wanted)
    except NotAnImage as error:
        if error.what != INDEX:
            raise
        # a DICOMDIR: the index of the folder that it lies in
        return _chosen(str(path), _files_of_folder(path.parent), replace(wanted, modality=None))


def scans_at(path: Path, wanted: Wanted) -> list[Scan]:
    """All scans of a folder, a zip or a file: :func:`lexseg.scans.open.open_scans`."""
    content = None if path.is_dir() else Content.of(path)
    if content is not None and kind_of(content) != "zip":
        return [scan_at(path, wanted)]
    headers, others, what = _sorted_out(_files_of_folder(path) if content is None else _files_of_zip(content))
    found = [_of_group(str(path), group, None) for group in _groups(headers)]
    found += [_open_file(other, kind, wanted) for other, kind in others]
    if not found:
        raise _nothing(str(path), what)
    return found


def _open_file(content: Content, kind: Kind | None, wanted: Wanted) -> Scan:
    """The scan of one file, whose kind is known.

    Raises:
        DataError: if it cannot be read, is no image, or is not of the series or has not the channel that is asked for.
    """
    if kind == "dicom":
        header = read_header(content)
        if wanted.series is not None:
            _of_series(content.name, [header], wanted.series)
        return _of_group(content.name, [header], wanted.channel)
    if wanted.series is not None:
        raise DataError(f"{content.name}: is no DICOM, and of no series; leave --series out")
    if kind == "nifti":
        return open_nifti(content, wanted.channel, wanted.modality)
    if kind == "nrrd":
        return open_nrrd(content, wanted.channel, wanted.modality)
    if kind == "metaimage":
        return open_metaimage(content, wanted.channel, wanted.modality)
    if kind == "image" and content.path is not None:
        return wanted.picture(content.path, content.name, wanted.channel)
    if content.start(2) == b"\x1f\x8b":
        raise DataError(f"{content.name}: packed by gzip, and no NIfTI volume; unpack it first")
    if (told := foreign_kind(content.start(16))) is not None:
        raise DataError(
            f"{content.name}: this is {told}, which is not read; {_EXPECTED}: save the picture as one of them"
        )
    raise DataError(f"{content.name}: not an image; {_EXPECTED}")


def _files_of_folder(folder: Path) -> list[Content]:
    """The files in a folder and below it, but hidden and empty ones."""
    files: list[Path] = []
    for path in folder.rglob("*"):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts) and path.is_file():
            files.append(path)
        if len(files) > MAX_FILES:
            raise DataError(f"{folder}: more than {MAX_FILES:,} files; give the folder of one study")
    return [Content.of(path) for path in sorted(files) if path.stat().st_size]


def _files_of_zip(content: Content) -> list[Content]:
    """The files of a zip that may be images."""

    def wanted(start: bytes) -> bool:
        volume = start[:2] == b"\x1f\x8b" or start[:4] == b"NRRD" or is_metaimage(start) or bool(nifti_magic(start))
        return volume or looks_like_dicom(start)

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
    return DataError(f"{name}: holds no DICOM images; expected the files of a study or series, and pictures one by one")


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


def _of_series(name: str, headers: Sequence[Header], series: str) -> list[Header]:
    """The images of a series, or the one of that SOPInstanceUID."""
    chosen = [header for header in headers if series in (header.series, header.instance)]
    if not chosen:
        raise DataError(f"{name}: there is no series {series}; there are: {'; '.join(describe_series(headers))}")
    return chosen


def _chosen(name: str, contents: Sequence[Content], wanted: Wanted) -> Scan:
    """The one scan of a folder or zip that is meant."""
    headers, others, what = _sorted_out(contents)
    if not headers:
        if len(others) == 1 and wanted.series is None:
            return _open_file(*others[0], wanted)
        raise _nothing(name, what)
    if wanted.series is not None:
        headers = _of_series(name, headers, wanted.series)
    groups = list(_groups(headers))
    if len(groups) == 1:
        return _of_group(name, groups[0], wanted.channel)
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
            f"--series and its SOPInstanceUID: {listed}{_ONE_BY_ONE}"
        )
    listed = "; ".join(describe_series(headers)) + ("" if any(map(is_stack, groups)) else _ONE_BY_ONE)
    raise DataError(f"{name}: holds {len(groups)} images or series, expected one; say which by --series: {listed}")


_ONE_BY_ONE = ". Or give the files in place of their folder: each is a picture of its own"
