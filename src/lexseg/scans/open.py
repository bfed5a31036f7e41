"""Open whatever file or folder holds images: told by what is in it, not by its name."""

from pathlib import Path

from lexseg.errors import DataError
from lexseg.scans.pictures import begins_as_picture, open_picture
from lexseg.scans.scan import Scan, quiet


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
    if series is None and not path.is_dir() and begins_as_picture(path):
        with quiet():
            return open_picture(path, str(path), channel)
    from lexseg.scans.study import scan_at  # readers of DICOM and volumes, which a picture does not need

    with quiet():
        return scan_at(path, series, channel, modality)


def open_scans(path: Path | str) -> list[Scan]:
    """Every image and volume of a folder, a zip or a file, DICOM series first.

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    from lexseg.scans.study import scans_at

    with quiet():
        return scans_at(Path(path))
