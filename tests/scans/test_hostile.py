"""Damaged and malicious files: a clear error, with little work and memory, whatever a header says."""

import gzip
import os
import random
import resource
import struct
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest

from hostile import mutated, seeds
from lexseg.errors import DataError
from lexseg.scans import open_scan
from lexseg.scans.content import Bounded, Content
from real_dicom import FILES


def test_mutated_files(tmp_path):
    """None takes long by the thread's own clock, which stands still while a busy machine does something else."""
    rng, path, read, refused = random.Random(5), tmp_path / "file", 0, 0
    files = seeds()
    for number in range(240):
        path.write_bytes(mutated(files[sorted(files)[number % len(files)]], rng))
        began = time.thread_time()
        try:
            scan = open_scan(path)
            shown = scan.show(scan.shape[0] - 1)
            assert shown.dtype == np.float32
            assert shown.min() >= 0 and shown.max() <= 1
            read += 1
        except DataError as error:
            assert str(error).startswith(str(path))
            refused += 1
        assert time.thread_time() - began < 5
    # both happen, or the changes are not what they should be
    assert read > 20 and refused > 80


GARBAGE = (
    b"SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0\x20\x4d\x45\x44IC\x02\0ab",  # an item of no known kind
    b"ZZ\x04\0\xff\xfe\xfd\xfc",
    b"LO\x06\0\xff\xfe\\\xfd\xfc\\",
    b"FD\x08\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"DS\x06\0inf\\1 ",
    b"IS\x0c\x00999999999999",
)


@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_palette.dcm", "dicomdirtests/77654033/CR1/6154"])
def test_garbage_in_place_of_every_value(name, tmp_path):
    data, path, tried = (FILES / name).read_bytes(), tmp_path / "file", 0
    for element in pydicom.dcmread(FILES / name, stop_before_pixels=True):
        long = element.VR in ("OB", "OW", "SQ", "UN", "UT")
        at = data.find(struct.pack("<HH2s", element.tag.group, element.tag.element, element.VR.encode()), 132)
        length = struct.unpack_from("<I" if long else "<H", data, at + (8 if long else 6))[0]
        if at < 0 or length == 0xFFFFFFFF or element.tag.is_private or element.tag.group == 0x0010:
            continue
        for garbage in GARBAGE:
            path.write_bytes(data[: at + 4] + garbage + data[at + (12 if long else 8) + length :])
            tried += 1
            try:
                shown = open_scan(path).show(0)
                assert shown.min() >= 0 and shown.max() <= 1
            except DataError:
                continue
    assert tried > 150


class TestLengths:
    def test_no_length_makes_room_for_itself(self, tmp_path):
        (tmp_path / "a").write_bytes(b"x" * 1000)
        with Content.of(tmp_path / "a").open() as file:
            assert isinstance(file, Bounded)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert len(file.read(1 << 40)) == 1000  # Python's own read would raise MemoryError, or take a terabyte
            assert file.read(10) == b""
            file.seek(990)
            assert len(file.read(100)) == 10
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000

    def test_an_element_of_four_gigabytes(self, tmp_path, real_ct):
        real_ct.save_as(tmp_path / "a.dcm")
        data = bytearray((tmp_path / "a.dcm").read_bytes())
        at = data.index(b"LO", 400)
        data[at : at + 2] = b"UT"
        data[at + 4 : at + 8] = struct.pack("<I", 0xFFFFFF00)
        (tmp_path / "a.dcm").write_bytes(data)
        with pytest.raises(DataError, match="a DICOM file without pixels"):
            open_scan(tmp_path / "a.dcm")

    def test_sequences_in_sequences(self, tmp_path):
        opened = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        meta = (FILES / "CT_small.dcm").read_bytes()
        start = meta.index(struct.pack("<HH", 0x0008, 0x0005), 132)
        (tmp_path / "a.dcm").write_bytes(meta[:start] + (opened + item) * 20_000)
        with pytest.raises(DataError, match=r"the DICOM header is damaged|without pixels"):
            open_scan(tmp_path / "a.dcm")

    def test_a_sequence_where_a_word_is_expected(self, tmp_path, real_ct):
        """Its items are of no known kind: pydicom fails when it is to write them out."""
        real_ct.save_as(tmp_path / "a.dcm")
        data = (tmp_path / "a.dcm").read_bytes()
        at = data.index(b"\x08\x00\x60\x00CS", 132)
        inside = b"\x20\x4d\x45\x44IC\x02\x00ab"
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside
        sequence = struct.pack("<HH2sHI", 0x0008, 0x0060, b"SQ", 0, len(item)) + item
        (tmp_path / "a.dcm").write_bytes(data[:at] + sequence + data[at + 10 :])
        assert open_scan(tmp_path / "a.dcm").modality is None

    @pytest.mark.parametrize(
        "header, message",
        [
            ({"Rows": 65535, "Columns": 65535}, "frames of 65535 x 65535 pixels; at most 200 million are opened"),
            ({"Rows": 0}, "1 frames of 0 x 128 pixels; the file is damaged"),
            ({"NumberOfFrames": 2_000_000_000}, "at most 2,000,000,000 voxels and 100,000 frames are opened"),
            ({"NumberOfFrames": 120_000}, "100,000 frames are opened"),
            ({"SamplesPerPixel": 4}, "4 samples for each pixel"),
            ({"BitsAllocated": 12}, "12 bits for each sample"),
            ({"PhotometricInterpretation": "CMYK"}, "an unknown PhotometricInterpretation"),
            ({"Rows": None}, "a DICOM file without pixels"),
            ({"PixelData": None}, "cut short: the header speaks of pixels, but there are none"),
            ({"PixelData": b"\0" * 20}, "cut short: 1 frames of 128 x 128 pixels take 32,768 bytes, the file holds 20"),
            ({"BitsStored": 20}, "damaged"),
        ],
    )
    def test_what_a_header_may_say(self, make_file, header, message):
        with pytest.raises(DataError, match=message):
            open_scan(make_file("a.dcm", **header)).show(0)

    def test_packed_frames_that_are_not_there(self, tmp_path):
        dataset = pydicom.dcmread(FILES / "MR_small_RLE.dcm")
        dataset.NumberOfFrames = 90_000
        dataset.save_as(tmp_path / "a.dcm")
        with pytest.raises(DataError, match="90000 packed frames do not fit into the file"):
            open_scan(tmp_path / "a.dcm")
        dataset.NumberOfFrames = 50
        dataset.save_as(tmp_path / "a.dcm")
        with pytest.raises(DataError, match="frame 49 are damaged or cut short"):
            open_scan(tmp_path / "a.dcm").values(49)


@pytest.mark.parametrize(
    "data", [b"\0", b"PK\x03\x04", b"\x1f\x8b", b"NRRD", b"DICM", bytes(600), b"<html>" * 50, b"\x80\x04\x95"]
)
def test_what_is_nothing(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(DataError, match=r"^.*file: "):
        open_scan(tmp_path / "file")


def test_gzip_of_something_else(tmp_path):
    (tmp_path / "a.dcm.gz").write_bytes(gzip.compress((FILES / "CT_small.dcm").read_bytes()))
    with pytest.raises(DataError, match="packed by gzip, and no NIfTI volume; unpack it first"):
        open_scan(tmp_path / "a.dcm.gz")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: not a file"):
        open_scan(tmp_path / "pipe")


def test_warnings_are_as_before_when_all_threads_have_read(make_file):
    path, filters = make_file("a.dcm"), list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_scan, [path] * 40))
    assert warnings.filters == filters


def test_empty_and_absent(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="the file is empty"):
        open_scan(tmp_path / "file")
    with pytest.raises(DataError, match="there is no such file"):
        open_scan(tmp_path / "other")


def test_no_identifier_in_an_error_or_a_log(make_file, caplog, recwarn):
    path = make_file("a.dcm")
    data = path.read_bytes().replace(b"CompressedSamples^CT1", b"Doe^Jane^4711\xff\xfe\xfd     ")
    at = data.index(b"DA\x08\0")
    data = data[: at + 4] + b"DOEJANE!" + data[at + 12 :]
    path.write_bytes(data[:-1000])
    with pytest.raises(DataError) as caught, caplog.at_level(0):
        open_scan(path)
    told = str(caught.value) + caplog.text + " ".join(str(warning.message) for warning in recwarn)
    assert "cut short" in told
    assert not any(word in told for word in ("Doe", "DOEJANE", "4711"))
