"""Images and masks from files: PNG, JPEG, TIFF and BMP; and images of one frame from DICOM, NIfTI and NRRD files.

What the values of an image become:

- 8-bit values are divided by 255; 1-bit values are 0 and 1.
- 16- and 32-bit and floating-point gray values are scaled from the image's own smallest..largest value to 0..1, as the
  used range differs from device to device (12 bits in 16, Hounsfield units plus 1024, ...); a constant image becomes 0.
  Floating-point values that already lie within 0..1 stay as they are. Colour of 16 bits is reduced to 8 bits.
- Transparent pixels are laid over black, the background of medical images.
- A palette whose colours are all gray becomes gray, any other palette becomes colour.
- The orientation that a camera notes (EXIF) is applied, to images and masks alike.
- DICOM, NIfTI and NRRD files are shown by their window; see :mod:`lexseg.data.scans`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from lexseg.errors import DataError

if TYPE_CHECKING:
    from lexseg.data.scans import Scan

MAX_PIXELS = 200_000_000
"""The largest image that is opened: past it a small file may be made to fill the memory (a decompression bomb)."""

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
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
    if not is_picture(path):
        return _one_frame(path).show(0)
    with _opened(path) as image:
        return image_from_pil(_upright(image), name=str(path))


def read_mask(path: Path | str, label: int | None = None) -> Bool:
    """The mask as true for foreground.

    Of two values the larger is foreground. A mask of a single value is empty if that is 0, else all foreground. In a
    coloured palette (as VOC-style tools write) the values are the indices, in a gray one the grays. Of two colours the
    brighter is foreground.

    Args:
        path: a file as for `read_image`; best a lossless one.
        label: the value that is foreground, for a mask of more than two values. It may be absent: an empty mask.

    Returns:
        bool[H, W].

    Raises:
        DataError: as `read_image`, and if there are more than two values and no ``label``.
    """
    values = read_values(path)
    if label is not None:
        return np.asarray(values == label, dtype=np.bool_)
    low, high = values.min(), values.max()
    if low == high:
        return np.full(values.shape, bool(high != 0), dtype=np.bool_)
    foreground = np.asarray(values == high, dtype=np.bool_)
    if not np.all(foreground | (values == low)):
        number = len(np.unique(values))
        hint = "JPEG changes values: save masks as PNG" if Path(path).suffix.lower() in (".jpg", ".jpeg") else ""
        hint = hint or (
            "name the value that is foreground in the column 'label', or several instances in 'target_ids', or save a "
            "mask of two values"
        )
        raise DataError(f"{path}: the mask holds {number} values ({low:g} to {high:g}), expected two; {hint}")
    return foreground


def read_instances(path: Path | str) -> NDArray[np.int64]:
    """The values of an instance mask: 0 is background, each target has a number of its own.

    Args:
        path: a file as for `read_mask`, of 8 or 16 bits or with a palette.

    Returns:
        int64[H, W], 0 or more.

    Raises:
        DataError: as `read_image`, and if a value is no whole number of 0 or more.
    """
    values = read_values(path)
    if values.dtype.kind == "f" and not np.all(values == np.round(values)):
        raise DataError(f"{path}: the mask holds fractions; instances are whole numbers, save the mask as PNG")
    whole = values.astype(np.int64)
    if whole.min() < 0:
        raise DataError(f"{path}: the mask holds the value {whole.min()}; instances are numbers of 1 or more")
    return whole


def read_values(path: Path | str) -> NDArray[Any]:
    """The values of a mask as they are in the file: numbers[H, W]. See `read_mask` for palettes and colours.

    Raises:
        DataError: as `read_image`.
    """
    with _opened(path) as image:
        return _mask_values(_upright(image), str(path))


def is_picture(path: Path | str) -> bool:
    """Whether a file is a PNG, JPEG, TIFF or BMP by its first bytes, or cannot be read; not if it is DICOM, ..."""
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError:
        return True  # the error is the reader's to tell
    if start[128:] == b"DICM":  # what precedes may be the start of a TIFF
        return False
    return not start or start.startswith(tuple(magic for magics, _ in _FORMATS for magic in magics))


def image_size(path: Path | str) -> tuple[int, int]:
    """Height and width in pixels as `read_image` gives them, from the file's header alone."""
    if not is_picture(path):
        return _one_frame(path).shape[1:]
    with _opened(path) as image:
        width, height = image.size
        return (width, height) if _orientation(image) >= 5 else (height, width)


def image_from_pil(image: Image.Image, *, name: str = "the image") -> Float:
    """A Pillow image as `read_image` gives it; ``name`` is for messages."""
    _check_size(image.size, name)
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
        values = _over_black(values[..., 0], values[..., 1])
    return image_from_array(values, name=name)


def image_from_array(values: NDArray[Any], *, name: str = "the image") -> Float:
    """An array as `read_image` gives it.

    Args:
        values: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (with alpha), of bool, whole or floating-point numbers. The
            head of this file says what becomes of them.
        name: for messages.
    """
    values = np.asarray(values)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise DataError(f"{name}: an array of shape {values.shape}; expected [H, W], [H, W, 3] or [H, W, 4]")
    _check_size((values.shape[1], values.shape[0]), name)
    if values.dtype == np.bool_:
        return values.astype(np.float32)
    if values.ndim == 3 and values.shape[2] == 4:
        values = _over_black(values[..., :3], values[..., 3:])
    if values.dtype == np.uint8:
        scaled = values.astype(np.float32)
        scaled /= 255
        return scaled
    if values.dtype.kind not in "uif":
        raise DataError(f"{name}: an array of {values.dtype}; expected numbers")
    _check_finite(values, name)
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values.astype(np.float32)
    if high == low:
        return np.zeros(values.shape, dtype=np.float32)
    # in double precision, as the difference of two large numbers would lose the image
    scaled = ((values.astype(np.float64) - low) / (high - low)).astype(np.float32)
    return np.clip(scaled, 0, 1, out=scaled)


def _mask_values(image: Image.Image, name: str) -> NDArray[Any]:
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        image = image.convert("L") if bool(np.all(palette == palette[:, :1])) else image
    if image.mode in ("1", "L", "P", "I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        _check_finite(values, name)
        return values.astype(np.uint8) if values.dtype == np.bool_ else values
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        pixels = np.asarray(image.convert("RGBA"))
        colour = _over_black(pixels[..., :3], pixels[..., 3:])
    else:
        colour = np.asarray(image.convert("RGB"))
    if np.array_equal(colour[..., 0], colour[..., 1]) and np.array_equal(colour[..., 0], colour[..., 2]):
        return np.ascontiguousarray(colour[..., 0])
    packed = (colour.astype(np.uint32) << np.array([16, 8, 0], dtype=np.uint32)).sum(axis=2)
    colours = np.unique(packed)
    brightness = (colours >> 16) + ((colours >> 8) & 255) + (colours & 255)
    if len(colours) > 2 or len(set(brightness.tolist())) < len(colours):
        raise DataError(
            f"{name}: the mask holds {len(colours)} colours of which none is plainly the foreground; save it in gray"
        )
    return np.asarray(brightness[np.searchsorted(colours, packed)])


def _depaletted(image: Image.Image) -> Image.Image:
    if "transparency" in image.info:
        return image.convert("RGBA")
    palette = np.asarray(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    return image.convert("L" if bool(np.all(palette == palette[:, :1])) else "RGB")


def _over_black(colour: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    if colour.dtype == np.uint8:
        product = colour.astype(np.uint16) * alpha + 127
        return np.asarray(product // 255, dtype=np.uint8)
    largest = np.iinfo(colour.dtype).max if colour.dtype.kind in "ui" else 1
    return np.asarray(colour * (alpha / largest))


def _check_finite(values: NDArray[Any], name: str) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        number = int(np.count_nonzero(~np.isfinite(values)))
        raise DataError(f"{name}: {number} of {values.size} pixels are not finite numbers (NaN or infinite)")


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DataError(f"{name}: an image of {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name}: an image of {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million are opened, "
            "as a larger one may be made to fill the memory; cut it into tiles or scale it down"
        )


def _one_frame(path: Path | str) -> "Scan":
    from lexseg.data.scans import open_scan  # which imports this module

    scan = open_scan(path)
    if scan.is_volume:
        raise DataError(
            f"{path}: a volume of {scan.shape[0]} frames where one image is expected; segment it as a volume "
            "(lexseg segment, open_scan), or cut it into slices (lexseg import)"
        )
    return scan


@contextmanager
def _opened(path: Path | str) -> Iterator[Image.Image]:
    """The image of a file, its size checked, its pixels not yet read; everything that fails becomes a `DataError`."""
    try:
        with open(path, "rb") as file:
            start = file.read(16)
            if not start:
                raise DataError(f"{path}: the file is empty")
            opener = next((opener for magics, opener in _FORMATS if start.startswith(magics)), None)
            if opener is None:
                raise DataError(f"{path}: not an image; expected PNG, JPEG, TIFF or BMP")
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
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    # a damaged file makes Pillow's readers raise nearly anything, so the class of the error says nothing here
    except Exception as error:
        raise DataError(f"{path}: the image is damaged, cut short or of an unknown kind ({error})") from error


def _upright(image: Image.Image) -> Image.Image:
    turn = _TRANSPOSE.get(_orientation(image))
    image.load()
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, that is still to be applied, known without reading the pixels."""
    # Pillow turns TIFFs itself; of a PNG only notes before the pixels count, as those behind would need them all read
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        orientation = image.getexif().get(0x0112, 1)
    # a damaged note is no reason to refuse the image
    except Exception:
        return 1
    return orientation if orientation in range(1, 9) else 1
