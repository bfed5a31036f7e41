"""Images from files of any format: pictures, and DICOM, NIfTI and NRRD files of one frame, shown by their window."""

from pathlib import Path

from lexseg.errors import DataError
from lexseg.scans import Scan, open_scan
from lexseg.scans.open import Float, is_picture, picture_size, read_picture


def read_image(path: Path | str) -> Float:
    """The image as values from 0 to 1.

    Args:
        path: a PNG, JPEG, TIFF or BMP file of one image, or a DICOM, NIfTI or NRRD file of one frame.

    Returns:
        float32[H, W] of a gray image, float32[H, W, 3] of a colour image (RGB).

    Raises:
        DataError: if the file is missing, empty, cut short, no image, larger than `MAX_PIXELS`, of several pages or
            frames, or holds values that are no numbers.
    """
    return read_picture(path) if is_picture(path) else _one_frame(path).show(0)


def image_size(path: Path | str) -> tuple[int, int]:
    """Height and width in pixels as `read_image` gives them, from the file's header alone."""
    return picture_size(path) if is_picture(path) else _one_frame(path).shape[1:]


def _one_frame(path: Path | str) -> Scan:
    scan = open_scan(path)
    if scan.is_volume:
        raise DataError(
            f"{path}: a volume of {scan.shape[0]} frames where one image is expected; segment it as a volume "
            "(lexseg segment, open_scan), or cut it into slices (lexseg import)"
        )
    return scan
