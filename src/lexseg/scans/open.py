"""Open whatever file or folder holds images: told by what is in it, not by its name."""

from pathlib import Path

from lexseg.errors import DataError
from lexseg.scans.content import Content, kind_of, quiet
from lexseg.scans.pictures import open_picture
from lexseg.scans.scan import Scan


def open_scan(
    path: Path | str, *, series: str | None = None, channel: int | None = None, modality: str | None = None
) -> Scan:
    """An image or a volume.

    Args:
        path: a PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD or MetaImage file, or a folder or zip of DICOM files.
        series: which series is meant, of a folder or zip that holds several: its SeriesInstanceUID; or the
            SOPInstanceUID of one of its images that is meant alone.
        channel: which volume of a 4D file is meant, or which image at each place of a series; from 0.
        modality: what a NIfTI or NRRD volume is, such as CT or MR; by default the values tell whether it is CT.

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
    content = None if path.is_dir() else Content.of(path)
    kind = None if content is None else kind_of(content)
    if content is not None and kind == "image" and series is None:
        with quiet():
            return open_picture(path, content.name, channel)
    from lexseg.scans import study  # readers of DICOM and volumes, which a picture does not need

    with quiet():
        if content is None:
            return study.chosen(str(path), study.files_of_folder(path), series, channel, modality)
        if kind == "zip":
            return study.chosen(content.name, study.files_of_zip(content), series, channel, modality)
        return study.scan_of_path(path, content, kind, series, channel, modality)


def open_scans(path: Path | str) -> list[Scan]:
    """Every image and volume of a folder, a zip or a file, DICOM series first.

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    path = Path(path)
    content = None if path.is_dir() else Content.of(path)
    if content is not None and kind_of(content) != "zip":
        return [open_scan(path)]
    from lexseg.scans import study

    with quiet():
        files = study.files_of_folder(path) if content is None else study.files_of_zip(content)
        return study.every_scan(str(path), files)
