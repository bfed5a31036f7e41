"""Zips: of studies, and of what was made to do harm."""

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lexseg.errors import DataError
from lexseg.scans import archive, open_scan, open_scans


def zip_of(path, files, method=zipfile.ZIP_DEFLATED):
    """A zip of {name: bytes}."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


@pytest.fixture
def slices(make_series):
    return {path.name: path.read_bytes() for path in make_series([0, 5, 10]).iterdir()}


def test_a_series(tmp_path, slices, make_series):
    files = {f"DICOM/{name}": data for name, data in slices.items()} | {"README.txt": b"read me", "a/b.pdf": b"%PDF"}
    zipped, plain = open_scan(zip_of(tmp_path / "study", files)), open_scan(tmp_path / "series")
    assert zipped.shape == (3, 128, 128)
    assert zipped.thickness == 5.0
    for frame in range(3):
        assert np.array_equal(zipped.values(frame), plain.values(frame))


def test_it_outlives_the_zip(tmp_path, slices):
    scan = open_scan(zip_of(tmp_path / "a.zip", slices))
    os.remove(tmp_path / "a.zip")
    assert scan.values(2).shape == (128, 128)


def test_nothing_is_left_on_the_disk(tmp_path, slices, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    scan = open_scan(zip_of(tmp_path / "a.zip", slices))
    assert list(folder.iterdir()) == []
    assert scan.values(0).shape == (128, 128)


def test_several_threads_may_read(tmp_path, slices):
    from concurrent.futures import ThreadPoolExecutor

    scan = open_scan(zip_of(tmp_path / "a.zip", slices))
    expected = [scan.values(frame) for frame in range(3)]
    with ThreadPoolExecutor(8) as pool:
        for place, found in enumerate(pool.map(scan.values, [0, 1, 2] * 20)):
            assert np.array_equal(found, expected[place % 3])


def test_one_volume_of_another_kind(tmp_path, data_root):
    data = (data_root / "io_samples/nifti/totalseg_example_mr_sm.nii.gz").read_bytes()
    scan = open_scan(zip_of(tmp_path / "a.zip", {"mr.nii.gz": data}))
    assert (scan.format, scan.shape) == ("nifti", (20, 91, 117))
    assert [scan.format for scan in open_scans(tmp_path / "a.zip")] == ["nifti"]


@pytest.mark.parametrize(
    "name", ["../../evil.dcm", "/etc/evil.dcm", "..\\..\\evil.dcm", "a/../../evil.dcm", "C:\\evil.dcm"]
)
def test_names_that_leave_the_folder_lead_nowhere(tmp_path, slices, name, monkeypatch):
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    zip_of(inner / "a.zip", {name: next(iter(slices.values()))})
    assert open_scan(inner / "a.zip").shape == (1, 128, 128)
    assert not list(tmp_path.rglob("*evil*")) and not Path("/etc/evil.dcm").exists()


def test_a_link_is_not_followed(tmp_path, slices):
    info = zipfile.ZipInfo("link.dcm")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="holds no DICOM images"):
        open_scan(tmp_path / "a.zip")


class TestBombs:
    def test_a_file_that_unpacks_a_thousandfold(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archive, "FREE_BYTES", 1_000_000)
        data = bytes(128) + b"DICM" + bytes(30_000_000)
        zip_of(tmp_path / "a.zip", {"a": data})
        with pytest.raises(DataError, match=r"unpacks to more than \d,\d+,\d+ bytes; it may be made to fill the disk"):
            open_scan(tmp_path / "a.zip")

    def test_a_file_that_lies_about_its_size(self, tmp_path, slices):
        path = zip_of(tmp_path / "a.zip", {"a": bytes(128) + b"DICM" + bytes(5_000_000)})
        data = bytearray(path.read_bytes())
        entry = data.index(b"PK\x01\x02")
        struct.pack_into("<I", data, entry + 24, 1000)  # unpacked size in the directory
        path.write_bytes(data)
        with pytest.raises(DataError, match="the zip is damaged"):
            open_scan(path)

    def test_of_what_is_no_image_only_the_start_is_unpacked(self, tmp_path, slices, monkeypatch):
        read = []
        plain = zipfile.ZipExtFile.read
        monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: read.append(n) or plain(self, n))
        zip_of(tmp_path / "a.zip", {"a": bytes(20_000_000), "b": next(iter(slices.values()))})
        assert open_scan(tmp_path / "a.zip").shape == (1, 128, 128)
        assert read[0] == 544 and read[1] == 544 and len(read) < 6

    def test_too_many_files(self, tmp_path, monkeypatch, slices):
        monkeypatch.setattr(archive, "MAX_FILES", 2)
        with pytest.raises(DataError, match="3 files; at most 2 are unpacked"):
            open_scan(zip_of(tmp_path / "a.zip", slices))

    def test_a_zip_in_a_zip_stays_shut(self, tmp_path, slices):
        inner = zip_of(tmp_path / "inner.zip", slices).read_bytes()
        with pytest.raises(DataError, match="holds no DICOM images"):
            open_scan(zip_of(tmp_path / "a.zip", {"inner.zip": inner}))

    def test_unusual_packing_is_refused(self, tmp_path, slices):
        with pytest.raises(DataError, match=r"packed in an unusual way \(method 14\)"):
            open_scan(zip_of(tmp_path / "a.zip", slices, zipfile.ZIP_LZMA))

    def test_an_encrypted_zip(self, tmp_path, slices):
        path = zip_of(tmp_path / "a.zip", slices)
        data = bytearray(path.read_bytes())
        at = data.index(b"PK\x01\x02")
        data[at + 8] |= 1
        path.write_bytes(data)
        with pytest.raises(DataError, match="the zip is encrypted; unpack it first"):
            open_scan(path)

    @pytest.mark.parametrize("cut", [30, 3000, 30000])
    def test_cut_short(self, tmp_path, slices, cut):
        path = zip_of(tmp_path / "a.zip", slices)
        path.write_bytes(path.read_bytes()[:-cut])
        with pytest.raises(DataError, match="the zip is damaged or cut short"):
            open_scan(path)
