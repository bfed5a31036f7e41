"""The size that a packed image states itself, read without unpacking it."""

import struct


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Rows and columns by the image's own header; ``None`` for kinds that state none (RLE), or where it is damaged.

    Args:
        data: a JPEG (ITU T.81), JPEG-LS (T.87) or JPEG 2000 (T.800) image.
    """
    try:
        start = data.find(b"\xff\x4f\xff\x51", 0, 4096)  # of a JPEG 2000 codestream, alone or in a JP2 file
        if start >= 0:
            right, bottom, left, top = struct.unpack(">4I", data[start + 8 : start + 24])
            return bottom - top, right - left
        return _of_jpeg(data) if data[:2] == b"\xff\xd8" else None
    except struct.error:
        return None


def _of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        marker, length = struct.unpack(">HH", data[at : at + 4])
        if marker == 0xFFFF:  # filling
            at += 1
            continue
        if marker >> 8 != 0xFF or length < 2:
            return None
        # the frame headers SOF0..SOF15, without the tables DHT, JPG, DAC among them; and SOF55 of JPEG-LS
        if (0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC)) or marker == 0xFFF7:
            rows, columns = struct.unpack(">HH", data[at + 5 : at + 9])
            return rows, columns
        at += 2 + length
    return None
