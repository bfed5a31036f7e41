"""Open whatever file or folder holds images, told by what is in it and not by its name: pictures are read here.

Pictures are PNG, JPEG, TIFF and BMP files, Pillow images and arrays; the readers of other formats are imported when one
is met. What a picture's values become:

- 8-bit values are divided by 255; 1-bit values are 0 and 1.
- 16- and 32-bit and floating-point gray values are scaled from the image's own smallest..largest value to 0..1, as the
  used range differs from device to device (12 bits in 16, Hounsfield units plus 1024, ...); a constant image becomes 0.
  Floating-point values that already lie within 0..1 stay as they are. Colour of 16 bits is reduced to 8 bits.
- Transparent pixels are laid over black, the background of medical images.
- A palette whose colours are all gray becomes gray, any other palette becomes colour.
- The orientation that a camera notes (EXIF) is applied, to images and masks alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from lexseg.errors import DataError
from lexseg.scans.limits import MAX_PIXELS
from lexseg.scans.scan import Frame, Scan, open_file, quiet
from lexseg.scans.window import Window

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Endings of the file names that are taken for images, where a folder is listed."""

Float = NDArray[np.float32]
Bool = NDArray[np.bool_]

# Opened by their classes and not through Image.open: that one has limits of its own, which are global to the process.
_FORMATS: tuple[tuple[tuple[bytes, ...], Any], ...] = (
    ((b"\x89PNG\r\n\x1a\n",), PngImagePlugin.PngImageFile),
    ((b"\xff\xd8\xff",), JpegImagePlugin.JpegImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
    ((b"BM",), BmpImagePlugin.BmpImageFile),
)
_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
    from lexseg.scans.study import Wanted, scan_at  # readers of DICOM and volumes, which a picture does not need

    with quiet():
        return scan_at(path, Wanted(open_picture, series, channel, modality))


def open_scans(path: Path | str) -> list[Scan]:
    """Every image and volume of a folder, a zip or a file, DICOM series first.

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    from lexseg.scans.study import Wanted, scans_at

    with quiet():
        return scans_at(Path(path), Wanted(open_picture))


class ImageSource:
    """The pixels of a PNG, JPEG, TIFF or BMP file.

    Args:
        path: the file.
        values: float32[H, W] in 0..1, or uint8[H, W, 3].
    """

    inverted = False

    def __init__(self, path: Path, values: NDArray[Any]) -> None:
        self.path, self._values = path, values

    def frame(self, index: int) -> Frame:
        return Frame(self._values)

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        return masks


def open_picture(path: Path, name: str, channel: int | None = None) -> Scan:
    """A PNG, JPEG, TIFF or BMP file.

    Raises:
        DataError: if it cannot be read, or another channel than the first is asked for.
    """
    pixels = read_picture(path)
    if channel:  # another image would be looked for where there is one only, and what is found pass for the other's
        raise DataError(f"{name}: there is no channel {channel}: the file holds one image or clip; leave --channel out")
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


def read_picture(path: Path | str) -> Float:
    """The picture as values from 0 to 1.

    Args:
        path: a PNG, JPEG, TIFF or BMP file of one image.

    Returns:
        float32[H, W] of a gray image, float32[H, W, 3] of a colour image (RGB).

    Raises:
        DataError: if the file is missing, empty, cut short, no image, larger than `MAX_PIXELS`, of several pages, or
            holds values that are no numbers.
    """
    with opened_picture(path) as image:
        return image_from_pil(upright(image), name=str(path))


def picture_size(path: Path | str) -> tuple[int, int]:
    """Height and width in pixels as `read_picture` gives them, from the file's header alone."""
    with opened_picture(path) as image:
        width, height = image.size
        return (width, height) if _orientation(image) >= 5 else (height, width)


def is_picture(path: Path | str) -> bool:
    """Whether a file is a PNG, JPEG, TIFF or BMP by its first bytes, or cannot be read; not if it is DICOM, ..."""
    try:
        return begins_as_picture(path)
    except (DataError, OSError):
        return True  # the error is the reader's to tell


def begins_as_picture(path: Path | str) -> bool:
    """Whether a file is a PNG, JPEG, TIFF or BMP by its first bytes, or has none.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    with open_file(path) as file:
        start = file.read(132)
    if start[128:] == b"DICM":  # what precedes may be the start of a TIFF
        return False
    return not start or start.startswith(tuple(magic for magics, _ in _FORMATS for magic in magics))


def image_from_pil(image: Image.Image, *, name: str = "the image") -> Float:
    """A Pillow image as `read_picture` gives it; ``name`` is for messages."""
    _check_size(image.size, name)
    try:
        image.load()  # an image that was opened elsewhere may not have been read yet
    except MemoryError:
        raise
    except Exception as error:
        raise DataError(f"{name}: the image is damaged, cut short or closed ({error})") from error
    if image.mode == "P":
        image = _depaletted(image)
    if image.mode in ("La", "RGBa", "PA") or (image.mode in ("L", "RGB") and "transparency" in image.info):
        image = image.convert("LA" if image.mode in ("La", "L") else "RGBA")
    if image.mode in ("1", "L", "LA", "RGB", "RGBA", "I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        # TIFFs may count from white to black; Pillow turns only those of 8 bits
        if image.mode == "I;16" and getattr(image, "tag_v2", {}).get(262) == 0:
            values = np.iinfo(np.uint16).max - values
    else:
        values = np.asarray(image.convert("RGB"))
    if image.mode == "LA":
        values = over_black(values[..., 0], values[..., 1])
    return image_from_array(values, name=name)


def image_from_array(values: NDArray[Any], *, name: str = "the image") -> Float:
    """An array as `read_picture` gives it.

    Args:
        values: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (with alpha), of bool, whole or floating-point numbers. The
            head of this file says what becomes of them.
        name: for messages.

    Returns:
        float32[H, W] or [H, W, 3] in 0..1.

    Raises:
        DataError: another shape or type, a value that is no finite number, or more than `MAX_PIXELS`.
    """
    values = np.asarray(values)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        last = values.ndim == 3 and values.shape[0] in (1, 3, 4)
        hint = "; give image.transpose(1, 2, 0)" if last else ""
        raise DataError(f"{name}: an array of shape {values.shape}; expected [H, W], [H, W, 3] or [H, W, 4]{hint}")
    _check_size((values.shape[1], values.shape[0]), name)
    if values.dtype == np.bool_:
        opaque = values[..., :3] & values[..., 3:] if values.ndim == 3 and values.shape[2] == 4 else values
        return opaque.astype(np.float32)
    if values.dtype.kind not in "uif":
        raise DataError(f"{name}: an array of {values.dtype}; expected numbers")
    if values.ndim == 3 and values.shape[2] == 4:
        values = over_black(values[..., :3], values[..., 3:])
    if values.dtype == np.uint8:
        scaled = values.astype(np.float32)
        scaled /= 255
        return scaled
    check_finite(values, name)
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values.astype(np.float32)
    if high == low:
        return np.zeros(values.shape, dtype=np.float32)
    # in double precision, as the difference of two large numbers would lose the image
    scale = 1.0 if np.isfinite(high - low) else 0.25  # the difference of the largest numbers is none
    scaled = ((values.astype(np.float64) * scale - low * scale) / (high * scale - low * scale)).astype(np.float32)
    return np.clip(scaled, 0, 1, out=scaled)


def _depaletted(image: Image.Image) -> Image.Image:
    if "transparency" in image.info:
        return image.convert("RGBA")
    palette = np.asarray(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    return image.convert("L" if bool(np.all(palette == palette[:, :1])) else "RGB")


def over_black(colour: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Colours [..., C], as opaque as ``alpha`` [..., 1] says, over black."""
    if colour.dtype == np.uint8:
        product = colour.astype(np.uint16) * alpha + 127
        return np.asarray(product // 255, dtype=np.uint8)
    return np.asarray(colour * (alpha / _opaque(alpha)))


def _opaque(alpha: NDArray[Any]) -> float:
    """What is opaque: of 16 bits the largest number; else the least usual one that holds all, as of 0..255 in int64."""
    if alpha.dtype == np.uint16:
        return 65535.0
    highest, whole = float(alpha.max()), alpha.dtype.kind != "f"
    most = float(np.iinfo(alpha.dtype).max) if whole else highest
    usual = (255.0, 65535.0) if whole else (1.0, 255.0, 65535.0)
    return next((each for each in usual if highest <= each and (not whole or each <= most)), most)


def check_finite(values: NDArray[Any], name: str) -> None:
    """Raise `DataError` where a value is no finite number."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        number = int(np.count_nonzero(~np.isfinite(values)))
        raise DataError(
            f"{name}: {number} of {values.size} pixels are not finite numbers (NaN or infinite); set them to a number "
            "first, such as that of the background"
        )


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DataError(f"{name}: an image of {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name}: an image of {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million are opened, "
            "as a larger one may be made to fill the memory; cut it into tiles or scale it down"
        )


@contextmanager
def opened_picture(path: Path | str) -> Iterator[Image.Image]:
    """The image of a file, its size checked, its pixels not yet read; everything that fails becomes a `DataError`."""
    try:
        with open_file(path) as file:
            start = file.read(16)
            if not start:
                raise DataError(f"{path}: the file is empty")
            opener = next((opener for magics, opener in _FORMATS if start.startswith(magics)), None)
            if opener is None:
                from lexseg.scans.content import foreign_kind  # which an image does not need

                told = foreign_kind(start)
                told = "not an image" if told is None else f"this is {told}, which is not read"
                raise DataError(f"{path}: {told}; expected PNG, JPEG, TIFF or BMP")
            file.seek(0)
            # without its name: Pillow would map uncompressed TIFFs into memory, and garble those that are to be turned
            with opener(file) as image:
                _check_size(image.size, str(path))
                pages = getattr(image, "n_frames", 1)
                if pages != 1:
                    raise DataError(f"{path}: holds {pages} pages or frames, expected one; save the one that is meant")
                yield image
    except (DataError, MemoryError):
        raise
    # a damaged file makes Pillow's readers raise nearly anything, so the class of the error says nothing here
    except Exception as error:
        raise DataError(f"{path}: the image is damaged, cut short or of an unknown kind ({error})") from error


def upright(image: Image.Image) -> Image.Image:
    """The image, turned as its EXIF orientation says."""
    turn = _TRANSPOSE.get(_orientation(image))
    image.load()
    return image if turn is None else image.transpose(turn)


def turn_of(path: Path | str) -> tuple[int, tuple[int, int]]:
    """The EXIF orientation, 1 to 8, that a file carries, and its (width, height) as stored."""
    with opened_picture(path) as image:
        if image.format == "TIFF":
            stated = getattr(image, "tag_v2", {}).get(_ORIENTATION, 1)
            return (stated if stated in range(1, 9) else 1), image.size
        return _orientation(image), image.size


def turn_note(path: Path | str) -> str | None:
    """What is wrong with the orientation that a picture carries, if anything is."""
    with opened_picture(path) as image:
        if _stated_orientation(image) is None:
            return "the picture's EXIF orientation cannot be read: it is shown as stored"
    return None


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, that is still to be applied, known without reading the pixels."""
    return _stated_orientation(image) or 1


def _stated_orientation(image: Image.Image) -> int | None:
    """The same; ``None`` where there is one that cannot be used."""
    # Pillow turns TIFFs itself; of a PNG only notes before the pixels count, as those behind would need them all read
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    # a damaged note is no reason to refuse the image
    except Exception:
        return None
    if orientation == 0:  # what some tools write for none
        return 1
    return orientation if orientation in range(1, 9) else None
