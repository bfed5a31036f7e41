"""Pixels packed in every usual way, by GDCM and pydicom; and headers written in every usual way."""

import copy
import os
import signal
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import dicom_made
from lexseg.errors import DataError
from lexseg.scans import open_scan
from lexseg.scans.dicom import decoder_process, header, pixels
from lexseg.scans.dicom.codestream import stated_size
from real_dicom import FILES


@pytest.fixture
def packed(tmp_path):
    """``packed(path, "JPEGLosslessProcess14_1")``: the file packed by GDCM."""
    pytest.importorskip("gdcm")
    return lambda path, syntax: dicom_made.packed(path, syntax, tmp_path / f"{syntax}.dcm")


@pytest.mark.parametrize(
    "syntax",
    ["JPEGLosslessProcess14_1", "JPEGLosslessProcess14", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless"],
)
def test_lossless_ones_give_the_very_values(make_file, packed, syntax):
    path = make_file("plain.dcm")
    small, plain = open_scan(packed(path, syntax)), open_scan(path)
    assert small.source.headers[0].syntax.is_compressed
    assert np.array_equal(small.values(0), plain.values(0))
    assert small.values(0).min() < 0  # signed, and with an intercept
    assert (small.spacing, small.patient_left) == (plain.spacing, plain.patient_left)


def test_baseline_jpeg_of_a_real_film(packed, data_root):
    film = data_root / "io_samples/dicom/highdicom/dx_image.dcm"
    small, plain = open_scan(packed(film, "JPEGBaselineProcess1")), open_scan(film)
    assert small.inverted  # MONOCHROME1 stays what it is
    assert np.abs(small.show(0) - plain.show(0)).mean() < 0.01


def test_colour_survives_packing(packed):
    path = FILES / "SC_rgb_dcmtk_+eb+cr.dcm"
    for syntax in ("JPEGLosslessProcess14_1", "JPEG2000Lossless", "RLELossless"):
        assert np.array_equal(open_scan(packed(path, syntax)).values(0), open_scan(path).values(0)), syntax


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_headers_written_in_other_ways(tmp_path, real_ct, syntax):
    dataset = copy.deepcopy(real_ct)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(
        tmp_path / "a.dcm",
        dataset,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
        force_encoding=True,
    )
    scan = open_scan(tmp_path / "a.dcm")
    assert np.array_equal(scan.values(0), (real_ct.pixel_array - 1024).astype(np.float32))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_old_files_without_a_preamble(tmp_path, real_ct, syntax):
    dataset = copy.deepcopy(real_ct)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.preamble = None
    dataset.save_as(
        tmp_path / "IM_0001", implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=False
    )
    assert (tmp_path / "IM_0001").read_bytes()[128:132] != b"DICM"
    scan = open_scan(tmp_path / "IM_0001")
    assert np.array_equal(scan.values(0), (real_ct.pixel_array - 1024).astype(np.float32))


def test_videos_say_so(make_file):
    path = make_file("a.dcm")
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = MPEG4HP41
    dataset.PixelData = pydicom.encaps.encapsulate([b"\0\0\1\xba"])
    dataset.save_as(path, enforce_file_format=True)
    with pytest.raises(DataError, match=r"packed as a video \(MPEG-4.*export stills"):
        open_scan(path)


def test_nothing_installed_that_unpacks(make_file, packed, monkeypatch):
    scan = open_scan(packed(make_file("a.dcm"), "JPEGLosslessProcess14_1"))
    monkeypatch.setattr(pixels, "_SAFE", ())
    monkeypatch.setattr(pixels, "_APART", ())
    monkeypatch.setattr(pixels, "_LAST", ())
    with pytest.raises(DataError, match=r"packed as JPEG Lossless.*pip install python-gdcm"):
        scan.values(0)


class TestDamaged:
    def test_an_image_that_states_another_size_is_not_unpacked(self):
        with pytest.raises(DataError, match="the header says 1024 x 256 pixels, the packed image 1024 x 3722445056"):
            open_scan(FILES / "JPEG2000-embedded-sequence-delimiter.dcm")

    @pytest.mark.parametrize(
        "name, size",
        [("JPEG2000.dcm", (1024, 256)), ("JPEG-lossy.dcm", (1024, 256)), ("JPEGLSNearLossless_16.dcm", (50, 10))],
    )
    def test_stated_sizes(self, name, size):
        dataset = pydicom.dcmread(FILES / name)
        assert stated_size(pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)) == size

    @pytest.mark.parametrize(
        "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc0\0\0", b"\xff\x4f\xff\x51\0", b"\xff\xd8" + b"\xff" * 40]
    )
    def test_no_stated_size(self, data):
        assert stated_size(data) is None

    def test_the_decoder_may_die(self, make_file, packed):
        path = packed(make_file("a.dcm"), "JPEGLosslessProcess14_1")
        scan = open_scan(path)
        expected = scan.values(0)
        process = decoder_process.DECODERS._process
        os.kill(process.pid, signal.SIGKILL)  # as GDCM does on some damaged images
        process.wait()
        assert np.array_equal(scan.values(0), expected)  # another is started
        assert decoder_process.DECODERS._process.pid != process.pid

    def test_the_decoder_dies_in_the_middle(self, make_file, packed, monkeypatch):
        scan = open_scan(packed(make_file("a.dcm"), "JPEGLosslessProcess14_1"))
        scan.values(0)
        pid = decoder_process.DECODERS._process.pid
        os.kill(pid, signal.SIGSTOP)  # it no longer answers
        monkeypatch.setattr(decoder_process, "TIMEOUT", 0.2)
        with pytest.raises(DataError, match="the pixels are damaged, or a kind of JPEG Lossless"):
            scan.values(0)
        monkeypatch.undo()
        assert scan.values(0).shape == (128, 128)

    def test_jpeg_2000_is_unpacked_apart(self, monkeypatch):
        """Damaged ones hold up Pillow for minutes."""
        scan = open_scan(FILES / "JPEG2000.dcm")
        assert scan.values(0).max() > 0
        os.kill(decoder_process.DECODERS._process.pid, signal.SIGSTOP)
        monkeypatch.setattr(decoder_process, "TIMEOUT", 0.2)
        with pytest.raises(DataError, match="the pixels are damaged, or a kind of JPEG 2000"):
            scan.values(0)

    def test_packed_pixels_cut_short(self, make_file, packed, tmp_path, monkeypatch):
        monkeypatch.setattr(decoder_process, "TIMEOUT", 0.5)  # CharLS runs on for ten seconds
        data = packed(make_file("a.dcm"), "JPEGLSLossless").read_bytes()
        (tmp_path / "cut.dcm").write_bytes(data[:-6000])
        with pytest.raises(DataError, match=r"damaged|cut short"):
            open_scan(tmp_path / "cut.dcm").values(0)

    def test_a_deflated_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr(header, "FREE_BYTES", 200_000)
        meta = (FILES / "image_dfl.dcm").read_bytes()[:400]
        end = header._end_of_meta(meta)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        (tmp_path / "bomb.dcm").write_bytes(meta[:end] + packer.compress(bytes(30_000_000)) + packer.flush())
        with pytest.raises(DataError, match=r"unpacks to more than \d,.* bytes; it may be made to fill the memory"):
            open_scan(tmp_path / "bomb.dcm")
