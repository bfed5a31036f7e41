"""Masks as NIfTI, read back by nibabel and SimpleITK: on the source's axes, at the same millimetres."""

import gzip
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from dicom_made import enhanced, film, series, turned
from lexseg.errors import DataError
from lexseg.outputs.nifti import nifti_bytes
from lexseg.scans import open_scan

NIFTI = [
    "nifti/totalseg_example_ct_sm.nii.gz",
    "nifti/totalseg_example_mr_sm.nii.gz",
    "nifti/CT_Lesion_000001_02_01_008-023_image.nii.gz",
]


def bright(scan, above):
    """The same mask as a threshold on the stored values gives, made of the frames as shown."""
    return np.stack([scan.values(n) > above for n in range(scan.shape[0])])


@pytest.mark.parametrize("name", [*NIFTI, "oblique", "left-handed"])
def test_of_nifti_on_the_source_s_own_grid(name, data_root, tmp_path):
    path = data_root / "io_samples" / (name if "/" in name else NIFTI[0])
    source = nib.load(path)
    if "/" not in name:
        turn = np.eye(4)
        turn[:3, :3] = turned(25, 0) @ turned(-12, 2) @ np.diag([-1 if name == "left-handed" else 1, 1, 1])
        source = nib.Nifti1Image(np.asarray(source.dataobj), turn @ source.affine)
        source.header["descrip"] = b"Zaphod"
        path = tmp_path / "turned.nii"
        nib.save(source, path)
        source = nib.load(path)
    scan = open_scan(path)
    values = np.asarray(source.dataobj)
    above = float(np.percentile(values, 80))
    (tmp_path / "m.nii.gz").write_bytes(nifti_bytes(scan, bright(scan, above)))
    mask = nib.load(tmp_path / "m.nii.gz")
    assert mask.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(mask.dataobj), values > above)
    assert np.array_equal(mask.affine, source.affine)
    for key in ("qform_code", "sform_code", "xyzt_units"):
        assert mask.header[key] == source.header[key]
    assert mask.header.get_zooms()[:3] == source.header.get_zooms()[:3] and b"Zaphod" not in bytes(
        mask.header["descrip"]
    )


@pytest.mark.parametrize("plane", ["axial", "mirrored", "oblique", "multi-frame"])
def test_of_dicom_at_the_place_that_simpleitk_finds(plane, data_root, tmp_path):
    real = open_scan(data_root / "io_samples/dicom/torchio_series")
    values = np.stack([real.values(n)[40:80, 20:52] for n in range(6)]).astype(np.int16)
    path = tmp_path / "ct"
    if plane == "multi-frame":
        enhanced(path, values)
    else:
        turn = (
            turned(20, 0) @ turned(-35, 2) if plane == "oblique" else np.diag([-1 if plane == "mirrored" else 1, 1, 1])
        )
        series(path, values, row=turn[:, 0], column=turn[:, 1])
    scan = open_scan(path)
    (tmp_path / "m.nii.gz").write_bytes(nifti_bytes(scan, bright(scan, 200)))
    mask = sitk.ReadImage(str(tmp_path / "m.nii.gz"))
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path)) if path.is_dir() else str(path)
    source = sitk.ReadImage(files)
    # of equal voxels at equal places, whichever way the axes run
    same = sitk.Resample(mask, source, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 255)
    assert np.array_equal(sitk.GetArrayFromImage(same), sitk.GetArrayFromImage(source) > 200)
    code = nib.load(tmp_path / "m.nii.gz").header
    assert code["sform_code"] == 1


def test_of_nrrd(data_root, tmp_path):
    """The liver of a DICOM SEG, as dcmqi wrote it; its own values are the mask."""
    path = data_root / "io_samples/dicom/dcmqi_seg/liver_seg.nrrd"
    scan = open_scan(path)
    (tmp_path / "m.nii.gz").write_bytes(nifti_bytes(scan, bright(scan, 0)))
    mask, source = sitk.ReadImage(str(tmp_path / "m.nii.gz")), sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(mask) > 0, sitk.GetArrayFromImage(source) > 0)
    assert mask.GetOrigin() == pytest.approx(source.GetOrigin(), abs=1e-3)
    assert mask.GetDirection() == pytest.approx(source.GetDirection(), abs=1e-5)
    assert mask.GetSpacing() == pytest.approx(source.GetSpacing(), rel=1e-5)


@pytest.mark.parametrize("known", [False, True])
def test_a_length_that_is_not_known_is_1(known, tmp_path):
    """Of a film without spacing or thickness, and of a NIfTI file whose own lengths are 0: viewers refuse 0."""
    pixels = np.zeros((30, 20), np.uint8)
    film(tmp_path / "film", pixels)
    source = nib.Nifti1Image(np.zeros((20, 30, 4), np.uint8), None)
    nib.save(source, tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[80 if not known else 88 : 92] = bytes(12 if not known else 4)  # pixdim[1] to pixdim[3]
    (tmp_path / "a.nii").write_bytes(content)
    for scan in (open_scan(tmp_path / "film"), open_scan(tmp_path / "a.nii")):
        scan = scan if known else replace(scan, spacing=None)
        written = nifti_bytes(scan, np.zeros(scan.shape, np.bool_))
        header = nib.Nifti1Image.from_bytes(gzip.decompress(written)).header
        lengths = header["pixdim"][1:4]
        assert (lengths > 0).all() and lengths[2] == 1
        assert known or (header.get_xyzt_units()[0] == "unknown" and (lengths == 1).all())


@pytest.mark.parametrize("kind", ["png", "film"])
def test_what_has_no_place_claims_none(kind, tmp_path):
    pixels = np.zeros((30, 20), np.uint8)
    path = tmp_path / "a"
    if kind == "png":
        Image.fromarray(pixels).save(path, "PNG")
    else:
        film(path, pixels)
    scan = open_scan(path)
    mask = np.zeros((30, 20), np.bool_)
    mask[25, 3] = True
    (tmp_path / "m.nii.gz").write_bytes(nifti_bytes(scan, mask))
    image = nib.load(tmp_path / "m.nii.gz")
    assert image.shape == (20, 30, 1) and np.asarray(image.dataobj)[3, 25, 0] == 1
    assert image.header["qform_code"] == image.header["sform_code"] == 0
    assert image.header.get_zooms()[:2] == pytest.approx((0.7, 0.7) if kind == "film" else (1, 1))


def test_equal_masks_give_equal_bytes_and_others_are_refused(data_root, tmp_path):
    scan = open_scan(data_root / "io_samples" / NIFTI[1])
    masks = np.zeros(scan.shape, np.bool_)
    assert nifti_bytes(scan, masks) == nifti_bytes(scan, masks)
    with pytest.raises(DataError, match="expected"):
        nifti_bytes(scan, masks[1:])


def test_uneven_slices_cannot_be_told_in_nifti(tmp_path):
    values = np.zeros((4, 9, 8), np.int16)
    series(tmp_path / "ct", values)
    second = series(tmp_path / "more", values[:1], start=(-40, -30, 50.1))[0]
    first = open_scan(tmp_path / "ct").source.dataset(0)
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(second, name, first[name].value)
    second.save_as(tmp_path / "ct" / "far", enforce_file_format=True)
    scan = open_scan(tmp_path / "ct")
    with pytest.raises(DataError, match=r"not evenly spaced.*DICOM SEG or PNG"):
        nifti_bytes(scan, np.zeros(scan.shape, np.bool_))
