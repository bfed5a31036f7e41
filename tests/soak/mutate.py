"""Ways to damage files: some know the format and change what a header says, others change bytes wherever they are.

All of them are told by a ``random.Random``: the same number makes the same file.
"""

import contextlib
import gzip
import random
import struct
import zlib
from collections.abc import Callable, Sequence

_ENDS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
)
_FLOATS = (0.0, -0.0, 1e-45, 1e-30, -1.0, 1e30, -3.4e38, float("inf"), float("-inf"), float("nan"))
_WORDS = (
    b"", b"0", b"-1", b"1", b"65535", b"4294967295", b"99999999999999999999", b"1e308", b"-1e308", b"1e-320", b"nan",
    b"inf", b"\\", b"0\\0", b"1\\0\\0\\1\\0\\0", b"nan\\nan\\nan", b"1e400\\1e400", b"MONOCHROME1", b"PALETTE COLOR",
    b"YBR_FULL_422", b"\xff\xfe", b"\0\0", b"A" * 64, b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99",
)  # fmt: skip
# what a reader computes with, and what tells it how to read
_TAGS = (
    (0x0002, 0x0000), (0x0002, 0x0010), (0x0008, 0x0005), (0x0008, 0x0016), (0x0008, 0x0060), (0x0018, 0x0050),
    (0x0018, 0x0088), (0x0018, 0x1164), (0x0018, 0x5101), (0x0020, 0x000D), (0x0020, 0x000E), (0x0020, 0x0013),
    (0x0020, 0x0020), (0x0020, 0x0032), (0x0020, 0x0037), (0x0028, 0x0002), (0x0028, 0x0004), (0x0028, 0x0006),
    (0x0028, 0x0008), (0x0028, 0x0010), (0x0028, 0x0011), (0x0028, 0x0030), (0x0028, 0x0100), (0x0028, 0x0101),
    (0x0028, 0x0102), (0x0028, 0x0103), (0x0028, 0x0120), (0x0028, 0x1050), (0x0028, 0x1051), (0x0028, 0x1052),
    (0x0028, 0x1053), (0x0028, 0x1101), (0x0028, 0x1201), (0x5200, 0x9229), (0x5200, 0x9230), (0x7FE0, 0x0010),
    (0xFFFE, 0xE000),
)  # fmt: skip
_VRS = (b"US", b"SS", b"UL", b"DS", b"IS", b"CS", b"LO", b"SQ", b"OW", b"OB", b"UN", b"FD", b"UI", b"PN", b"AT", b"UT")
_NIFTI = (
    [(at, "h") for at in (40, 42, 44, 46, 48, 50, 52, 70, 72, 252, 254)]
    + [(at, "f") for at in (*range(76, 108, 4), 108, 112, 116, 256, 260, 264, 268, 272, 276, *range(280, 328, 4))]
    + [(0, "i"), (344, "i"), (123, "b"), (348, "i")]
)
_LONGEST = 20_000_000  # bytes that are unpacked
Way = Callable[[bytearray, random.Random], None]


def mutated(data: bytes, number: int, others: Sequence[bytes] = ()) -> bytes:
    """A file that was damaged, always the same for a number; at least one byte is left.

    Args:
        data: the file.
        number: which of its mutations.
        others: files that pieces may be taken from.
    """
    rng = random.Random(number)
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.6:
        with contextlib.suppress(zlib.error):  # damaged already
            inside = zlib.decompressobj(31).decompress(data, _LONGEST)
            return gzip.compress(_several(inside, rng, others), 1, mtime=0)
    return _several(data, rng, others)


def _several(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    changed, own = bytearray(data), _way_of(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if own is not None and rng.random() < 0.6:
            try:
                own(changed, rng)
            except (struct.error, IndexError, ValueError):  # too short, by now, for what its kind begins with
                _bytes(changed, rng)
        elif others and rng.random() < 0.05:
            _splice(changed, rng, rng.choice(others))
        else:
            _bytes(changed, rng)
    return bytes(changed) or b"\0"


def _way_of(data: bytes) -> Way | None:
    starts: tuple[tuple[bytes, Way], ...] = (
        (b"\x89PNG", _png), (b"\xff\xd8\xff", _jpeg), (b"II*\0", _tiff), (b"MM\0*", _tiff), (b"PK", _zip),
        (b"NRRD", _nrrd), (b"\x5c\x01\0\0", _nifti), (b"\x1c\x02\0\0", _nifti),
    )  # fmt: skip
    if data[128:132] == b"DICM" or data[:2] in (b"\x08\0", b"\x02\0"):
        return _dicom
    return next((way for start, way in starts if data.startswith(start)), None)


def _bytes(data: bytearray, rng: random.Random) -> None:
    """Flip a bit, write an end of a range, or take away, repeat or put in a few bytes; rather in the header."""
    if not data:
        return
    at = rng.randrange(min(rng.choice([64, 400, 2000, len(data)]), len(data)))
    length = rng.choice([1, 2, 4, 16, 200])
    way = rng.randrange(7)
    if way == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif way == 1:
        data[at] = rng.randrange(256)
    elif way == 2:
        _write(data, at, _end(rng, rng.choice("HIHIQ"), rng.choice("<>")))
    elif way == 3:
        del data[at : at + length]
    elif way == 4:
        data[at:at] = data[at : at + length] * rng.choice([1, 1, 50])
    elif way == 5:
        data[at:at] = rng.randbytes(length)
    else:
        del data[max(1, rng.randrange(len(data))) :]


def _splice(data: bytearray, rng: random.Random, other: bytes) -> None:
    """A piece of another file in place of one's own."""
    at, start = rng.randrange(len(data) + 1), rng.randrange(len(other))
    data[at : at + rng.randrange(2000)] = other[start : start + rng.randrange(2000)]


def _end(rng: random.Random, kind: str, order: str) -> bytes:
    size = struct.calcsize(kind)
    if kind in "fd":
        return struct.pack(order + kind, rng.choice(_FLOATS))
    value = rng.choice(_ENDS) + rng.choice([-1, 0, 0, 0, 1])
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little" if order == "<" else "big")


def _write(data: bytearray, at: int, what: bytes) -> None:
    data[at : at + len(what)] = what


def _dicom(data: bytearray, rng: random.Random) -> None:
    """Change the value, length or kind of an element that readers look at, drop it, or have it twice."""
    tags = [struct.pack("<HH", *tag) for tag in rng.sample(_TAGS, 12)]
    at = next((place for tag in tags if (place := data.find(tag)) >= 0), -1)
    if at < 0 or at + 12 > len(data):
        return _bytes(data, rng)
    explicit = data[at + 4 : at + 6].isalpha()
    long = explicit and bytes(data[at + 4 : at + 6]) in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    place, kind = (at + 8, "<I") if long else (at + 6, "<H") if explicit else (at + 4, "<I")
    start = place + struct.calcsize(kind)
    (length,) = struct.unpack_from(kind, data, place)
    length = min(length, len(data) - start)
    way = rng.randrange(6)
    if way == 0:
        _write(data, place, _end(rng, kind[1], "<"))
    elif way == 1 and explicit:
        _write(data, at + 4, rng.choice(_VRS))
    elif way == 2 and length < 2000:
        del data[at : start + length]
    elif way == 3 and length < 2000:
        data[at:at] = data[at : start + length]
    elif way == 4 or length not in (2, 4, 8):
        word = rng.choice(_WORDS)
        word += b" " * (len(word) % 2)
        if length < 2000:
            data[place : start + length] = struct.pack(kind, len(word)) + word
    else:
        _write(data, start, _end(rng, {2: "H", 4: "I", 8: "d"}[length], "<"))
    return None


def _nifti(data: bytearray, rng: random.Random) -> None:
    at, kind = rng.choice(_NIFTI)
    if data[0] == 0x1C:  # NIfTI-2 has its fields elsewhere, and wider
        at, kind = rng.choice([(12, "h"), (14, "h"), *((a, "q") for a in range(16, 80, 8)), (168, "q")])
        if rng.random() < 0.5:
            at, kind = rng.choice([*((a, "d") for a in range(104, 168, 8)), (176, "d"), (184, "d"), (400, "d")])
    _write(data, at, _end(rng, kind, "<"))


def _nrrd(data: bytearray, rng: random.Random) -> None:
    head, gap, rest = bytes(data).partition(b"\n\n")
    lines = head.split(b"\n")
    line = rng.randrange(len(lines))
    way = rng.randrange(4)
    if way == 0:
        del lines[line]
    elif way == 1:
        lines.insert(line, rng.choice(lines))
    elif way == 2:
        name = lines[line].partition(b":")[0]
        values = [
            *_WORDS,
            b"(nan,0,0) (0,nan,0) (0,0,1)",
            b"(0,0,0) (0,0,0) (0,0,0)",
            b"gzip",
            b"bzip2",
            b"text",
            b"hex",
        ]
        lines[line] = name + b": " + rng.choice(values)
    else:
        pieces = lines[line].replace(b",", b" , ").split(b" ")
        pieces[rng.randrange(len(pieces))] = rng.choice(_WORDS)
        lines[line] = b" ".join(pieces)
    data[:] = b"\n".join(lines) + gap + rest


def _png(data: bytearray, rng: random.Random) -> None:
    """Drop, repeat or change chunks, and set their sums right again, or the decoder looks no further."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((bytes(data[at + 4 : at + 8]), bytearray(data[at + 8 : at + 8 + length])))
        at += 12 + length
    if not chunks:
        return
    place, way = rng.randrange(len(chunks)), rng.randrange(4)
    name, body = chunks[place]
    if way == 0:
        del chunks[place]
    elif way == 1:
        chunks.insert(rng.randrange(len(chunks)), (name, body))
    elif way == 2 and name == b"IDAT":
        chunks[place] = name, bytearray(zlib.compress(rng.choice([b"", bytes(10), bytes(3_000_000)]), 9))
    elif body:
        _write(body, rng.randrange(len(body)), _end(rng, rng.choice("BBHI"), ">"))
    data[8:] = b"".join(struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)


def _jpeg(data: bytearray, rng: random.Random) -> None:
    """Drop, repeat or change the segments before the scan."""
    places, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        places.append(at)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    if not places:
        return _bytes(data, rng)
    at = rng.choice(places)
    length = 2 + struct.unpack_from(">H", data, at + 2)[0]
    way = rng.randrange(4)
    if way == 0:
        del data[at : at + length]
    elif way == 1:
        data[at:at] = data[at : at + length]
    elif way == 2:
        _write(data, at + 2, _end(rng, "H", ">"))
    else:
        _write(data, at + 4 + rng.randrange(max(length - 4, 1)), _end(rng, rng.choice("BBH"), ">"))
    return None


def _tiff(data: bytearray, rng: random.Random) -> None:
    """Change an entry of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if start + 2 > len(data):
        return _bytes(data, rng)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    entry = start + 2 + 12 * rng.randrange(max(min(count, 40), 1))
    place, kind = rng.choice([(0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H")])
    if entry + 12 <= len(data):
        _write(data, entry + place, _end(rng, kind, order))
    return None


def _zip(data: bytearray, rng: random.Random) -> None:
    """Change a field of a header, of the directory or of its end."""
    mark, fields = rng.choice(
        [
            (b"PK\x03\x04", ((4, "H"), (6, "H"), (8, "H"), (14, "I"), (18, "I"), (22, "I"), (26, "H"), (28, "H"))),
            (b"PK\x01\x02", ((8, "H"), (10, "H"), (16, "I"), (20, "I"), (24, "I"), (28, "H"), (30, "H"), (42, "I"))),
            (b"PK\x05\x06", ((8, "H"), (10, "H"), (12, "I"), (16, "I"), (20, "H"))),
        ]
    )
    at = data.find(mark)
    place, kind = rng.choice(fields)
    if at >= 0:
        _write(data, at + place, _end(rng, kind, "<"))
