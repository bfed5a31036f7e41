"""The pixels of one frame of a DICOM file, in the modality's units."""

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import JPEG2000TransferSyntaxes

from lexseg.errors import DataError
from lexseg.scans.dicom.codestream import stated_size
from lexseg.scans.dicom.decoder_process import DECODERS
from lexseg.scans.dicom.groups import UnusableValue, group_value
from lexseg.scans.dicom.header import Header, number, text
from lexseg.scans.scan import Frame

# Decoders that damaged files neither bring down nor hold up; the others run in a process of their own. pylibjpeg is for
# what no other reads (its JPEG part, under the GPL, is not needed for that).
_SAFE = ("pillow", "pydicom")
_APART = ("pyjpegls", "gdcm")
_HELD_UP = JPEG2000TransferSyntaxes  # damaged ones hold up Pillow for minutes
_LAST = ("pylibjpeg",)
_OPTIONS = (
    "bits_allocated",
    "bits_stored",
    "columns",
    "rows",
    "samples_per_pixel",
    "photometric_interpretation",
    "pixel_representation",
    "planar_configuration",
    "number_of_frames",
    "pixel_keyword",
    "pixel_vr",
    "transfer_syntax_uid",
)
_NUMBERS = {
    "rows": "Rows",
    "columns": "Columns",
    "samples_per_pixel": "SamplesPerPixel",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "pixel_representation": "PixelRepresentation",
    "planar_configuration": "PlanarConfiguration",
}
_PHOTOMETRIC = {
    "MONOCHROME1",
    "MONOCHROME2",
    "PALETTE COLOR",
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_ICT",
    "YBR_RCT",
}


def read_frame(header: Header, index: int) -> Frame:
    """Read a frame's values in the modality's units, with where the header says that it is padded.

    Args:
        header: of its file.
        index: of the frame in this file, from 0.

    Raises:
        DataError: if the pixels are damaged or cut short, or nothing that is installed can unpack them.
    """
    try:
        stored, photometric = _stored(header, index)
        if photometric == "PALETTE COLOR":
            return Frame(_eight_bits(apply_color_lut(stored, header.dataset)))
        if stored.ndim == 3:
            return Frame(_eight_bits(stored, number(header.dataset, "BitsStored", 8) or 8))
        return Frame(_in_units(header, index, stored), _padding(header, stored))
    except UnusableValue as error:
        raise DataError(f"{header.content.name}: {error}") from error
    except (DataError, MemoryError):
        raise
    # damaged pixels make the decoders raise nearly anything
    except Exception as error:
        raise DataError(
            f"{header.content.name}: the pixels of frame {index} are damaged or cut short ({type(error).__name__})"
        ) from error


def _stored(header: Header, index: int) -> tuple[NDArray[Any], str]:
    """Stored values [H, W] or [H, W, 3] (RGB), and the photometric interpretation that they have now."""
    dataset = header.dataset
    options: dict[str, Any] = {
        "bits_stored": number(dataset, "BitsAllocated"),
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "pixel_representation": 0,
        **as_pixel_options(dataset),
        # in whatever form they are written
        **{name: found for name, word in _NUMBERS.items() if (found := number(dataset, word)) is not None},
    }
    if options["photometric_interpretation"] not in _PHOTOMETRIC:
        raise DataError(
            f"{header.content.name}: an unknown PhotometricInterpretation; expected gray, RGB, YBR or a palette"
        )
    options.update(
        transfer_syntax_uid=header.syntax, pixel_keyword=header.keyword, pixel_vr=header.pixel_vr, number_of_frames=1
    )
    decoder = get_decoder(header.syntax)
    with header.content.open() as file:
        file.seek(header.offset)
        if options["bits_allocated"] == 1 and not header.syntax.is_compressed and header.frames > 1:
            return _bits(header, index, decoder, options), "MONOCHROME2"
        if not header.syntax.is_compressed:
            options["number_of_frames"] = header.frames
            values, told = decoder.as_array(file, index=index, **options)
        else:
            packed = get_frame(file, index, number_of_frames=header.frames)
            _check_stated(header, packed)
            return _unpacked(header, decoder, packed, options)
    return np.asarray(values), str(told["photometric_interpretation"])


def _bits(header: Header, index: int, decoder: Decoder, options: dict[str, Any]) -> NDArray[Any]:
    """A frame of single bits, which need not begin at a byte: unpacked with its neighbours from where a byte begins.

    (PS3.5 8.1.1: the bits of all frames follow one another without a gap.)
    """
    bits = math.prod(header.size) * options["samples_per_pixel"]
    together = 8 // math.gcd(bits, 8)
    first = index - index % together
    count = min(together, header.frames - first)
    with header.content.open() as file:
        file.seek(header.offset + first * bits // 8)
        packed = file.read((count * bits + 7) // 8)
    options["number_of_frames"] = count
    values, _ = decoder.as_array(io.BytesIO(packed + b"\0" * (len(packed) % 2)), **options)
    return np.asarray(values if count == 1 else values[index - first])


def _unpacked(header: Header, decoder: Decoder, packed: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], str]:
    there = decoder.available_plugins
    kinds = ((), (*_SAFE, *_APART)) if header.syntax in _HELD_UP else (_SAFE, _APART)
    safe, apart = ([name for name in names if name in there] for names in kinds)
    if not safe and not apart:
        apart = [name for name in there if name in _LAST]
    if not safe and not apart:
        raise DataError(
            f"{header.content.name}: the pixels are packed as {header.syntax.name}, which nothing that is installed "
            "unpacks; try pip install python-gdcm, or send the images uncompressed"
        )
    # each decoder has kinds that it does not know, and its own way to say so
    reason: Exception | None = None
    for name in safe:
        try:
            encapsulated = encapsulate([packed], has_bot=False)
            values, told = decoder.as_array(encapsulated, index=0, decoding_plugin=name, **options)
            return np.asarray(values), str(told["photometric_interpretation"])
        except Exception as error:
            reason = error
    if apart:
        try:
            return DECODERS.unpack(packed, {key: options[key] for key in _OPTIONS if key in options} | {"names": apart})
        except ValueError as error:
            reason = error
    raise DataError(
        f"{header.content.name}: the pixels are damaged, or a kind of {header.syntax.name} that is not read; send the "
        "images uncompressed"
    ) from reason


def _check_stated(header: Header, packed: bytes) -> None:
    """Refuse a frame that unpacks to another size than the header says: it may be made to fill the memory."""
    found = stated_size(packed)
    if found is not None and found != header.size:
        raise DataError(
            f"{header.content.name}: the header says {header.size[0]} x {header.size[1]} pixels, the packed image "
            f"{found[0]} x {found[1]}; the file is damaged"
        )


def _in_units(header: Header, index: int, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Stored values by the modality LUT, or by slope and intercept."""
    if header.dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, header.dataset), dtype=np.float32)
    slope, intercept = rescale_of(header, index)
    values: NDArray[np.float64] = stored.astype(np.float64) * slope + intercept
    return values.astype(np.float32)


def rescale_of(header: Header, index: int) -> tuple[float, float]:
    """Slope and intercept from stored values to the modality's units; 1 and 0 where the header names none.

    Raises:
        UnusableValue: if it does, but not as a number.
    """
    group = ("PixelValueTransformationSequence", index)
    slope, intercept = (group_value(header.dataset, *group, f"Rescale{part}", 1) for part in ("Slope", "Intercept"))
    # a slope of 0 would leave nothing of the image; a note tells of it
    return slope or 1.0, intercept or 0.0


def _padding(header: Header, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where the header says there is no image."""
    try:
        value = number(header.dataset, "PixelPaddingValue")
        limit = number(header.dataset, "PixelPaddingRangeLimit", value)
    except UnusableValue:  # a note tells of it
        return None
    if value is None or limit is None:
        return None
    signed = number(header.dataset, "PixelRepresentation", 0) == 1
    if signed != (value < 0) and (value < 0 or value >= 1 << 15):  # written in the other way than the pixels are
        shift = -(1 << 16) if signed else 1 << 16
        limit = limit + shift if limit == value else limit
        value += shift
    low, high = sorted((value, limit))
    padding = (stored >= low) & (stored <= high)
    return padding if bool(padding.any()) and not bool(padding.all()) else None


def _eight_bits(values: NDArray[Any], bits: int | None = None) -> NDArray[np.uint8]:
    """Colours of more than 8 bits by their upper ones."""
    if values.dtype == np.uint8:
        return values[..., :3]
    bits = bits or values.dtype.itemsize * 8
    return np.asarray(np.clip(values[..., :3] >> max(bits - 8, 0), 0, 255), dtype=np.uint8)


def is_color(header: Header) -> bool:
    """Whether its frames are RGB."""
    palette = text(header.dataset, "PhotometricInterpretation") == "PALETTE COLOR"
    return palette or number(header.dataset, "SamplesPerPixel", 1) == 3
