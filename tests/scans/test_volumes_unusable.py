"""NIfTI and NRRD headers: what cannot be used is told, what is said twice and differently is told, by both readers."""

import bz2
import gzip
import struct

import nibabel as nib
import nrrd
import numpy as np
import pytest

from lexseg.errors import DataError
from lexseg.scans import open_scan
from lexseg.scans.nifti_volume import read_labels, read_volume
from lexseg.scans.window import automatic, looks_like_ct

VOXELS = np.random.default_rng(0).integers(-900, 900, (10, 12, 6)).astype("<i2")
READERS = pytest.mark.parametrize("read", [open_scan, read_volume])


def nifti(path, *edits, name="x.nii"):
    """A NIfTI file, changed at some bytes: (place, format, value)."""
    nib.save(nib.Nifti1Image(VOXELS, np.diag([-1.0, -1, 3, 1])), path / "whole.nii")
    data = bytearray((path / "whole.nii").read_bytes())
    for place, form, value in edits:
        struct.pack_into(form, data, place, value)
    (path / name).write_bytes(data)
    return path / name


@READERS
@pytest.mark.parametrize(
    "edits, note",
    [
        ([(112, "<f", np.nan), (116, "<f", -1024)], "scl_slope nan) cannot be used: neither it nor scl_inter (-1024)"),
        ([(112, "<f", 0), (116, "<f", -1024)], "scl_slope 0) cannot be used"),
        ([(112, "<f", np.inf)], "scl_slope inf) cannot be used"),
        ([(123, "<B", 7)], "xyzt_units names the unknown unit 7"),
        ([(80, "<f", np.nan)], "no spacing (pixdim is nan)"),
        ([(80, "<f", -1)], "pixdim holds lengths below 0"),
        ([(254, "<h", -1)], "sform_code is -1"),
        ([(72, "<h", 8)], "bitpix (8) and datatype contradict each other"),
        ([(252, "<h", 1), (76, "<f", 5)], "pixdim[0] is 5"),
        # the quaternion of the file is that of its sform, unless the shift is another
        ([(252, "<h", 1), (268, "<f", 7)], "contradict each other about where the voxels lie (by up to 7 mm)"),
        # quaternion (0, 0, 0): axes that run to the right and front, where the sform's run to the left and back
        ([(252, "<h", 1), (264, "<f", 0)], "contradict each other about which side is the patient's left"),
    ],
)
def test_what_a_nifti_header_says_of_no_use(tmp_path, read, edits, note):
    assert any(note in found for found in read(nifti(tmp_path, *edits)).notes)


@READERS
def test_a_sound_header_has_no_notes(tmp_path, read):
    image = nib.Nifti1Image(VOXELS, np.array([[-0.7, 0.1, 0, 5], [0.1, -0.7, 0.2, 6], [0, 0.2, 3, -80], [0, 0, 0, 1]]))
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)  # the nearest that has no shear
    image.set_sform(image.get_qform(), 1)
    nib.save(image, tmp_path / "a.nii")
    assert not any("contradict" in note or "cannot" in note for note in read(tmp_path / "a.nii").notes)


def test_sides_that_contradict_are_not_known(tmp_path):
    path = nifti(tmp_path, (252, "<h", 1), (264, "<f", 0))
    assert open_scan(path).patient_left is None and not read_volume(path).oriented


@READERS
@pytest.mark.parametrize("offset", [0, 350, 352.5])
def test_voxels_that_begin_within_the_header_or_a_byte(tmp_path, read, offset):
    with pytest.raises(DataError, match=rf"\(vox_offset\) that the voxels begin at byte {offset:g}"):
        read(nifti(tmp_path, (108, "<f", offset)))


@pytest.mark.parametrize("packed", [True, False])
def test_the_importers_reader_goes_by_content(tmp_path, packed):
    data = nifti(tmp_path).read_bytes()
    path = tmp_path / ("a.nii" if packed else "a.nii.gz")
    path.write_bytes(gzip.compress(data) if packed else data)
    expected = read_volume(tmp_path / "x.nii")
    assert np.array_equal(read_volume(path).values, expected.values)
    labels = nib.Nifti1Image((VOXELS > 0).astype(np.uint8), np.diag([-1.0, -1, 3, 1])).to_bytes()
    (tmp_path / "m.nii.gz").write_bytes(labels)
    assert np.array_equal(read_labels(tmp_path / "m.nii.gz", expected), expected.values > 0)


def test_a_mask_of_no_stated_sides_on_a_volume_of_some(tmp_path):
    volume, notes = read_volume(nifti(tmp_path)), []
    image = nib.Nifti1Image((VOXELS > 0).astype(np.uint8), None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    nib.save(image, tmp_path / "m.nii")
    read_labels(tmp_path / "m.nii", volume, notes)
    assert any("the header of the mask does not say which side is which" in note for note in notes)


LPS = "space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,3)\n"
ORIGIN = "space origin: (0,0,0)\n"
SMALL = np.random.default_rng(0).integers(-900, 900, (4, 5, 6)).astype("<i2")


def detached(path, data, *, encoding="raw", space=LPS + ORIGIN, endian="endian: little\n", extra=""):
    """An NRRD header whose data, as they are given, lie in a file beside it."""
    (path / "d.raw").write_bytes({"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding](data))
    header = f"NRRD0004\ntype: short\ndimension: 3\nsizes: 6 5 4\n{space}{endian}encoding: {encoding}\n{extra}"
    (path / "x.nhdr").write_text(f"{header}data file: d.raw\n")
    return path / "x.nhdr"


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("before", [0, 1, 352])
def test_nrrd_voxels_at_the_end_are_those_of_pynrrd(tmp_path, encoding, before):
    data = b"\7" * before + SMALL.tobytes()
    path = detached(tmp_path, data, encoding=encoding, extra="byte skip: -1\n")
    scan = open_scan(path)
    found = scan.source.to_stored(np.stack([scan.values(k) for k in range(4)]))
    assert np.array_equal(found, nrrd.read(str(path))[0]) and np.array_equal(found, SMALL.T)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"extra": "byte skip: -2\n"}, "-2 bytes are to be skipped"),
        ({"endian": ""}, "the header's endian is ''"),
        ({"endian": "endian: middle\n"}, "the header's endian is 'middle'"),
        ({"space": LPS + ORIGIN + 'space units: "furlong" "furlong" "furlong"\n'}, "space unit 'furlong' is not known"),
        ({"space": LPS.replace("(1,0,0)", "(nan,0,0)") + ORIGIN}, "space directions of axis 0 hold values that are no"),
        ({"data": SMALL.tobytes() + b"\0" * 99}, "where they begin is open; say it by 'byte skip'"),
    ],
)
def test_what_an_nrrd_header_leaves_open_is_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        open_scan(detached(tmp_path, **{"data": SMALL.tobytes(), **change}))


@pytest.mark.parametrize(
    "change, note",
    [
        ({"space": LPS}, "does not say where the volume lies"),
        ({"space": LPS + "space origin: (nan,0,0)\n"}, "does not say where the volume lies"),
        ({"space": LPS + ORIGIN + "spacings: 9 9 9\n"}, "spacings and space directions of the header contradict"),
        ({"encoding": "gzip", "data": SMALL.tobytes() + b"\0" * 99}, "hold more than the voxels"),
    ],
)
def test_what_an_nrrd_header_says_of_no_use_is_told(tmp_path, change, note):
    scan = open_scan(detached(tmp_path, **{"data": SMALL.tobytes(), **change}))
    assert any(note in found for found in scan.notes)


def test_units_count_for_each_axis(tmp_path):
    scan = open_scan(detached(tmp_path, SMALL.tobytes(), space=LPS + ORIGIN + 'space units: "mm" "mm" "cm"\n'))
    assert (scan.spacing, scan.thickness) == ((1.0, 1.0), 30.0)


class TestKindByValues:
    """CT or not: no single voxel decides."""

    rng = np.random.default_rng(0)
    tissue = rng.normal(40, 30, 60_000)
    air = rng.normal(-990, 10, 40_000)
    ct = np.concatenate([tissue, air]).astype(np.float32)
    mr = np.abs(rng.normal(300, 200, 100_000)).astype(np.float32)

    def test_either_as_it_is(self):
        assert looks_like_ct(self.ct) and not looks_like_ct(self.mr)

    @pytest.mark.parametrize("extreme", [-32768, -1000, -600, 32767])
    def test_one_damaged_voxel_makes_no_ct_of_an_mr(self, extreme):
        values = self.mr.copy()
        values[7] = extreme
        assert not looks_like_ct(values)
        window = automatic(values)
        assert 600 < window.high < 1200 and -10 < window.low < 50

    @pytest.mark.parametrize("extreme", [-32768, 32767])
    def test_nor_does_it_unmake_a_ct(self, extreme):
        values = self.ct.copy()
        values[7] = extreme
        assert looks_like_ct(values)

    @pytest.mark.parametrize("padding", [-2000, -3024, -32768])
    def test_padding_is_no_tissue(self, padding):
        assert looks_like_ct(np.concatenate([self.ct, np.full(50_000, padding, np.float32)]))

    def test_phases_and_fields_are_no_ct(self):
        assert not looks_like_ct(self.rng.uniform(-4096, 4095, 100_000))
        assert not looks_like_ct(self.rng.normal(0, 150, 100_000))

    def test_what_is_taken_is_said_and_can_be_overruled(self, tmp_path):
        values = self.ct[:90_000].reshape(100, 100, 9).astype("<i2")
        values[:, :30] = -990
        nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1, 3, 1])), tmp_path / "a.nii")
        scan = open_scan(tmp_path / "a.nii")
        assert scan.modality == "CT" and any("taken for a CT by its values" in note for note in scan.notes)
        other = open_scan(tmp_path / "a.nii", modality="MR")
        assert other.modality == "MR" and other.notes == () and other.windows[0].name == "automatic"

    @pytest.mark.parametrize(("bad", "share"), [(slice(0, 0), None), (slice(0, 12), "12 %"), (slice(None), "all")])
    def test_values_that_are_no_numbers_are_told_of(self, tmp_path, bad, share):
        values = self.rng.normal(100, 20, (100, 40, 5)).astype(np.float32)
        values[bad] = np.nan
        nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1, 3, 1])), tmp_path / "a.nii")
        notes = [note for note in open_scan(tmp_path / "a.nii").notes if "no numbers" in note]
        assert [note.split(" of the")[0] for note in notes] == ([] if share is None else [share])

    def test_a_header_that_names_it_is_not_overruled(self, make_file):
        with pytest.raises(DataError, match="the header says that it is CT"):
            open_scan(make_file("a.dcm"), modality="MR")
