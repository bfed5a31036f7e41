"""NIfTI and NRRD files as scans: every way to store them, by frames, and what is refused."""

import bz2
import gzip
import itertools
import struct

import nibabel as nib
import nrrd
import numpy as np
import pytest

from lexseg.errors import DataError
from lexseg.scans import open_scan
from lexseg.scans import unpack as unpack_module
from lexseg.scans.nifti_volume import read_volume

SHAPE = (8, 10, 6)  # from right to left, from front to back, from foot to head
VOXELS = np.add.outer(np.add.outer(1000 * np.arange(8), 10 * np.arange(10)), np.arange(6)).astype(np.int16)
CODES = ["".join(c) for order in itertools.permutations(("LR", "PA", "SI")) for c in itertools.product(*order)]
NATIVE = np.diag([-2.0, -1.5, 3.0, 1.0])


def nifti(path, codes="LPS", values=VOXELS, affine=NATIVE):
    image = nib.Nifti1Image(values, affine)
    ways = (nib.orientations.axcodes2ornt(tuple(c)) for c in ("LPS", codes))
    nib.save(image.as_reoriented(nib.orientations.ornt_transform(*ways)), path)
    return path


def frames(scan):
    return np.stack([scan.values(frame) for frame in range(scan.shape[0])])


class TestNifti:
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    @pytest.mark.parametrize("codes", CODES)
    def test_every_way_of_storing(self, tmp_path, codes, suffix):
        assert len(CODES) == 48
        path = nifti(tmp_path / f"a{suffix}", codes)
        scan = open_scan(path)
        assert np.array_equal(frames(scan), VOXELS.transpose(2, 1, 0))
        assert (scan.spacing, scan.thickness, scan.patient_left) == ((1.5, 2.0), 3.0, "right")
        assert np.array_equal(scan.to_stored(frames(scan)), np.asarray(nib.load(path).dataobj))

    @pytest.mark.parametrize("axis, degrees", [(0, 20), (1, -30), (2, 40), (2, 130)])
    def test_oblique(self, tmp_path, axis, degrees):
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        turn = np.eye(4)
        i, j = (place for place in range(3) if place != axis)
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
        path = nifti(tmp_path / "a.nii.gz", affine=turn @ NATIVE)
        scan, volume = open_scan(path), read_volume(path)
        assert np.array_equal(frames(scan), volume.values.transpose(2, 0, 1))
        assert scan.spacing == volume.spacing
        assert np.array_equal(scan.to_stored(frames(scan)), np.asarray(nib.load(path).dataobj))
        off = min(abs(degrees) % 90, 90 - abs(degrees) % 90)
        assert any(f"oblique by up to {off} degrees" in note for note in scan.notes) == (off > 20)

    def test_one_of_several_volumes(self, tmp_path):
        nib.save(nib.Nifti1Image(np.stack([VOXELS, -VOXELS], -1), NATIVE), tmp_path / "a.nii")
        with pytest.raises(
            DataError, match=r"holds 2 volumes \(8 x 10 x 6 x 2\), expected one; say which .* --channel"
        ):
            open_scan(tmp_path / "a.nii")
        for channel, sign in enumerate((1, -1)):
            scan = open_scan(tmp_path / "a.nii", channel=channel)
            assert np.array_equal(frames(scan), sign * VOXELS.transpose(2, 1, 0))
        with pytest.raises(DataError, match="there is no channel 2"):
            open_scan(tmp_path / "a.nii", channel=2)

    def test_flat_ones(self, tmp_path):
        nib.save(nib.Nifti1Image(VOXELS[:, :, 0], NATIVE), tmp_path / "a.nii.gz")
        scan = open_scan(tmp_path / "a.nii.gz")
        assert (scan.shape, scan.is_volume) == ((1, 10, 8), False)
        assert np.array_equal(scan.values(0), VOXELS[:, :, 0].T)
        assert np.array_equal(scan.to_stored(frames(scan)), VOXELS[:, :, :1])

    def test_slope_and_intercept(self, tmp_path):
        image = nib.Nifti1Image(VOXELS, NATIVE)
        image.header.set_slope_inter(0.5, -7)
        nib.save(image, tmp_path / "a.nii")
        data = nib.load(tmp_path / "a.nii").get_fdata()
        assert np.allclose(frames(open_scan(tmp_path / "a.nii")), data.transpose(2, 1, 0))

    def test_sides_that_are_not_known(self, tmp_path):
        nib.save(nib.Nifti1Image(VOXELS, None), tmp_path / "a.nii")
        scan = open_scan(tmp_path / "a.nii")
        assert (scan.patient_left, scan.laterality) == (None, None)
        assert any("which side is which" in note for note in scan.notes)

    def test_hounsfield_units_get_the_usual_windows(self, tmp_path):
        scan = open_scan(nifti(tmp_path / "a.nii", values=VOXELS - 1024))
        assert [window.name for window in scan.windows[:2]] == ["abdomen", "lung"]
        assert scan.show(0).min() == 0
        assert scan.modality == "CT"

    def test_other_values_tell_no_modality(self, tmp_path):
        for values in (VOXELS, VOXELS % 256, VOXELS - 400):
            assert open_scan(nifti(tmp_path / "a.nii", values=values)).modality is None

    def test_big_endian_and_a_second_header(self, tmp_path):
        nib.save(nib.Nifti2Image(VOXELS, NATIVE), tmp_path / "2.nii")
        assert np.array_equal(frames(open_scan(tmp_path / "2.nii")), VOXELS.transpose(2, 1, 0))
        header = nib.Nifti1Header(endianness=">")
        header.set_data_dtype(np.int16)
        nib.save(nib.Nifti1Image(VOXELS, NATIVE, header), tmp_path / "b.nii")
        assert np.array_equal(frames(open_scan(tmp_path / "b.nii")), VOXELS.transpose(2, 1, 0))

    def test_large_ones_are_unpacked_to_a_file_without_a_name(self, tmp_path, monkeypatch):
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        monkeypatch.setattr(unpack_module, "_IN_MEMORY", 100)
        scan = open_scan(nifti(tmp_path / "a.nii.gz"))
        assert list(folder.iterdir()) == []
        assert np.array_equal(frames(scan), VOXELS.transpose(2, 1, 0))

    def test_the_name_does_not_matter(self, tmp_path):
        nifti(tmp_path / "a.nii.gz").rename(tmp_path / "upload-1")
        assert open_scan(tmp_path / "upload-1").shape == (6, 10, 8)


class TestNiftiRefusals:
    def broken(self, tmp_path, at, data, packed=False):
        content = bytearray(nifti(tmp_path / "a.nii").read_bytes())
        content[at : at + len(data)] = data
        path = tmp_path / "broken"
        path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))
        return path

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize(
        "at, data, message",
        [
            (40, struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1), "voxels; at most 2,000,000,000 are read"),
            (40, struct.pack("<8h", 3, 1000, 1000, 1000, 1, 1, 1, 1), "cut short: the header speaks of 2,000,000,352"),
            (40, struct.pack("<8h", 3, 0, 10, 6, 1, 1, 1, 1), "a volume of shape"),
            (40, struct.pack("<8h", 3, -8, 10, 6, 1, 1, 1, 1), "a volume of shape|damaged"),
            (70, struct.pack("<h", 128), "voxels of .*; expected one number each, no colours"),
            (70, struct.pack("<h", 999), "damaged, cut short or no NIfTI"),
            (108, struct.pack("<f", 1e9), "the voxels begin at byte 1e\\+09; it is damaged"),
            (108, struct.pack("<f", float("nan")), "begin at byte nan|damaged"),
            (280, struct.pack("<4f", 0, 0, 0, 0), "flat: an axis has no direction"),
            (280, struct.pack("<f", float("inf")), "holds values that are no numbers"),
            (344, b"ni1\0", r"half of a pair of files \(.hdr and .img\)"),
        ],
    )
    def test_damaged_headers(self, tmp_path, at, data, message, packed):
        with pytest.raises(DataError, match=message):
            open_scan(self.broken(tmp_path, at, data, packed))

    def test_what_follows_the_voxels_stays_packed(self, tmp_path):
        """A bomb: a small volume, and 40 MB after it."""
        content = nifti(tmp_path / "a.nii").read_bytes() + bytes(40_000_000)
        (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(content, 1))
        assert open_scan(tmp_path / "bomb.nii.gz").shape == (6, 10, 8)

    def test_packed_and_cut_short(self, tmp_path):
        data = gzip.compress(nifti(tmp_path / "a.nii", values=np.random.default_rng(0).permuted(VOXELS)).read_bytes())
        (tmp_path / "b.nii.gz").write_bytes(data[:-200])
        with pytest.raises(DataError, match="cut short: the header speaks of 1,312 bytes, it unpacks to"):
            open_scan(tmp_path / "b.nii.gz")
        (tmp_path / "c.nii.gz").write_bytes(data[:700] + bytes(100) + data[800:])
        with pytest.raises(DataError, match="the packed data are damaged"):
            open_scan(tmp_path / "c.nii.gz")


SIGNS = {"left-posterior-superior": (-1, -1, 1), "right-anterior-superior": (1, 1, 1), "LAS": (-1, 1, 1)}


def nrrd_file(path, codes="LPS", space="left-posterior-superior", encoding="gzip", **header):
    """The voxels above in an NRRD file, written by pynrrd."""
    image = nib.Nifti1Image(VOXELS, NATIVE)
    ways = (nib.orientations.axcodes2ornt(tuple(c)) for c in ("LPS", codes))
    image = image.as_reoriented(nib.orientations.ornt_transform(*ways))
    to_space = np.diag(SIGNS[space])
    directions = (to_space @ image.affine[:3, :3]).T
    whole = {"space": space, "space directions": directions, "space origin": to_space @ image.affine[:3, 3]}
    nrrd.write(str(path), np.asarray(image.dataobj), {**whole, "encoding": encoding, **header})
    return path


class TestNrrd:
    @pytest.mark.parametrize("codes", CODES[::5])
    @pytest.mark.parametrize("space", SIGNS)
    def test_every_way_of_storing(self, tmp_path, codes, space):
        scan = open_scan(nrrd_file(tmp_path / "a.nrrd", codes, space))
        assert np.array_equal(frames(scan), VOXELS.transpose(2, 1, 0))
        assert (scan.spacing, scan.thickness, scan.patient_left) == ((1.5, 2.0), 3.0, "right")
        assert np.array_equal(scan.to_stored(frames(scan)), nrrd.read(str(tmp_path / "a.nrrd"))[0])

    @pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
    def test_every_packing(self, tmp_path, encoding):
        scan = open_scan(nrrd_file(tmp_path / "a.nrrd", encoding=encoding))
        assert np.array_equal(frames(scan), VOXELS.transpose(2, 1, 0))

    def test_the_affine_is_that_of_nibabel(self, tmp_path):
        for space in SIGNS:
            scan = open_scan(nrrd_file(tmp_path / "a.nrrd", "RAS", space))
            expected = nib.load(nifti(tmp_path / "a.nii", "RAS")).affine
            assert np.allclose(scan.source.affine, expected)

    def test_a_header_with_its_data_beside_it(self, tmp_path):
        nrrd_file(tmp_path / "a.nhdr", encoding="raw")
        assert (tmp_path / "a.raw").exists()
        assert np.array_equal(frames(open_scan(tmp_path / "a.nhdr")), VOXELS.transpose(2, 1, 0))

    @pytest.mark.parametrize("name", ["/etc/passwd", "../a.raw", "LIST", "a%03d.raw 1 3 1", ".hidden", "..\\a.raw"])
    def test_data_elsewhere_are_not_read(self, tmp_path, name):
        nrrd_file(tmp_path / "a.nhdr", encoding="raw")
        text = (tmp_path / "a.nhdr").read_text().replace("a.raw", name)
        (tmp_path / "b.nhdr").write_text(text)
        with pytest.raises(DataError, match="only one file that lies beside the header is read"):
            open_scan(tmp_path / "b.nhdr")

    def test_one_of_several_volumes(self, tmp_path):
        values = np.stack([VOXELS, -VOXELS])
        directions = np.vstack([[np.nan] * 3, np.diag([2.0, 1.5, 3.0])])
        header = {
            "space": "left-posterior-superior",
            "space directions": directions,
            "kinds": ["list", *["domain"] * 3],
        }
        nrrd.write(str(tmp_path / "a.nrrd"), values, header)
        with pytest.raises(DataError, match="holds 2 volumes"):
            open_scan(tmp_path / "a.nrrd")
        assert np.array_equal(frames(open_scan(tmp_path / "a.nrrd", channel=1)), -VOXELS.transpose(2, 1, 0))

    def test_without_directions(self, tmp_path):
        nrrd.write(str(tmp_path / "a.nrrd"), VOXELS, {"spacings": [2.0, 1.5, 3.0]})
        scan = open_scan(tmp_path / "a.nrrd")
        assert (scan.spacing, scan.thickness, scan.patient_left) == ((1.5, 2.0), 3.0, None)
        assert np.array_equal(frames(scan), VOXELS.transpose(2, 1, 0))
        nrrd.write(str(tmp_path / "b.nrrd"), VOXELS)
        bare = open_scan(tmp_path / "b.nrrd")
        assert (bare.spacing, bare.thickness, bare.patient_left) == (None, None, None)

    def test_colours_are_refused(self, tmp_path):
        nrrd.write(
            str(tmp_path / "a.nrrd"), np.zeros((3, 8, 8), np.uint8), {"kinds": ["RGB-color", "domain", "domain"]}
        )
        with pytest.raises(DataError, match="colours"):
            open_scan(tmp_path / "a.nrrd")

    @pytest.mark.parametrize(
        "old, new, message",
        [
            ("sizes: 8 10 6", "sizes: 8000 10 6", "cut short|unpacks to"),
            ("sizes: 8 10 6", "sizes: 99999 99999 6", "at most 2,000,000,000 are read"),
            ("sizes: 8 10 6", "sizes: 8 0 60", "a volume of shape"),
            ("type: int16", "type: block", "damaged|voxels of type"),
            ("encoding: gzip", "encoding: hex", "packed as 'hex'; expected raw, gzip"),
            ("encoding: gzip", "encoding: bzip2", "the packed data are damaged"),
            ("dimension: 3", "dimension: three", r"damaged, cut short or no NRRD \(ValueError\)"),
        ],
    )
    def test_damaged_headers(self, tmp_path, old, new, message):
        data = nrrd_file(tmp_path / "a.nrrd").read_bytes()
        assert old.encode() in data
        (tmp_path / "b.nrrd").write_bytes(data.replace(old.encode(), new.encode()))
        with pytest.raises(DataError, match=message):
            open_scan(tmp_path / "b.nrrd")

    def test_a_bomb(self, tmp_path):
        data = nrrd_file(tmp_path / "a.nrrd", encoding="bzip2").read_bytes()
        head = data[: data.index(b"\n\n") + 2]
        (tmp_path / "b.nrrd").write_bytes(head + bz2.compress(VOXELS.tobytes(order="F") + bytes(5_000_000)))
        assert np.array_equal(frames(open_scan(tmp_path / "b.nrrd")), VOXELS.transpose(2, 1, 0))
