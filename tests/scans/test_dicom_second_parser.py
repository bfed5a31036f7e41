"""Where pixels lie in a file is what pydicom finds, whatever the header says of its own encoding."""

import struct

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from lexseg.errors import DataError
from lexseg.scans import open_scan


def with_tail(path, dataset, element):
    """A file whose pixel data are written as ``element``, bytes, under an explicit syntax."""
    del dataset["PixelData"]
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes() + element)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("written", ["explicit", "implicit in explicit", "unknown"])
def test_values_and_colours_are_those_of_pydicom(make_file, tmp_path, samples, frames, written):
    pixels = np.random.default_rng(0).integers(0, 256, (frames, 6, 7, samples), dtype=np.uint8)
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    depth = {"Rows": 6, "Columns": 7, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    path = make_file("a.dcm", **depth, NumberOfFrames=frames, **(colour if samples == 3 else {}))
    data = pixels.tobytes() + b"\0" * (pixels.size % 2)
    start = {
        "explicit": struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, len(data)),
        "unknown": struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"UN", 0, len(data)),
        "implicit in explicit": struct.pack("<HHI", 0x7FE0, 0x0010, len(data)),
    }[written]
    # what follows would fill up a stretch that began too late
    with_tail(
        path, pydicom.dcmread(path), start + data + struct.pack("<HH2sHI4s", 0xFFFC, 0xFFFC, b"OB", 0, 4, b"1234")
    )
    scan = open_scan(path)
    found = np.stack([scan.values(frame) for frame in range(frames)])
    expected = pydicom.dcmread(path).pixel_array.reshape(found.shape).astype(float)
    if samples == 1:  # the CT slice has slope and intercept
        expected = expected * float(pydicom.dcmread(path).RescaleSlope) + float(pydicom.dcmread(path).RescaleIntercept)
    assert np.array_equal(found, expected)


def test_pixels_of_a_kind_that_pydicom_does_not_read_are_refused(make_file):
    path = make_file("a.dcm")
    dataset = pydicom.dcmread(path)
    data = dataset.PixelData
    with_tail(path, dataset, struct.pack("<HH2sH", 0x7FE0, 0x0010, b"SS", 4096) + data[:4096])
    with pytest.raises(DataError, match="the pixels are written as 'SS', expected OB or OW"):
        open_scan(path)


@pytest.mark.parametrize("missing", ["PhotometricInterpretation", "PlanarConfiguration"])
def test_colours_of_no_stated_order_are_refused(make_file, missing):
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, missing: None}
    size = {"Rows": 6, "Columns": 7, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    with pytest.raises(DataError, match=f"{missing} .* is missing"):
        open_scan(make_file("a.dcm", PixelData=b"\1" * 126, **size, **colour))


@pytest.mark.parametrize("shape", [(7, 7, 5), (3, 5, 5), (8, 4, 4), (9, 1, 3), (1, 7, 5)])
def test_single_bits_that_end_within_a_byte(make_file, shape):
    bits = np.random.default_rng(0).random(shape) < 0.5
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    path = make_file(
        "a.dcm",
        **dict(zip(("NumberOfFrames", "Rows", "Columns"), shape, strict=True)),
        **{"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelRepresentation": 0},
        **{"RescaleSlope": None, "RescaleIntercept": None, "PixelPaddingValue": None},
        PixelData=data + b"\0" * (len(data) % 2),
    )
    scan = open_scan(path)
    assert np.array_equal(pydicom.dcmread(path).pixel_array.reshape(shape), bits)
    assert np.array_equal(np.stack([scan.values(frame) for frame in range(shape[0])]), bits)


class TestMorePixelsThanTold:
    def test_plain(self, make_file, real_ct):
        scan = open_scan(make_file("a.dcm", PixelData=real_ct.PixelData * 3))
        (note,) = scan.notes
        assert "the pixels of 3 frames, but its header tells of 1 frame, without NumberOfFrames (0028,0008)" in note

    def test_of_several(self, make_file, real_ct):
        scan = open_scan(make_file("a.dcm", PixelData=real_ct.PixelData * 3, NumberOfFrames=2))
        assert any("the pixels of 3 frames, but its header tells of 2 frames" in note for note in scan.notes)

    @pytest.mark.parametrize("table", [True, False])
    def test_packed(self, make_file, table):
        from io import BytesIO

        from PIL import Image

        buffer = BytesIO()
        Image.new("L", (128, 128), 7).save(buffer, "JPEG")
        path = make_file("a.dcm", BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0)
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.PixelData = encapsulate([buffer.getvalue()] * 3, has_bot=table)
        dataset.save_as(path, enforce_file_format=True)
        assert any("the pixels of 3 frames" in note for note in open_scan(path).notes)

    def test_padding_is_no_frame(self, make_file, real_ct):
        assert open_scan(make_file("a.dcm", PixelData=real_ct.PixelData + b"\0" * 200)).notes == ()
