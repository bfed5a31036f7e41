"""MetaImage files, held against ITK, which wrote the format's reader of record."""

import numpy as np
import pytest

from lexseg.errors import DataError
from lexseg.scans.open import open_scan

sitk = pytest.importorskip("SimpleITK")


def written(path, array, *, spacing=(0.5, 0.75, 2.5), direction=None, origin=(-11.0, 7.0, 30.0), packed=False):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[: image.GetDimension()])
    image.SetOrigin(origin[: image.GetDimension()])
    if direction is not None:
        image.SetDirection(direction)
    sitk.WriteImage(image, str(path), useCompression=packed)
    return image


VALUES = np.random.default_rng(5).integers(-1000, 2000, (4, 6, 9)).astype(np.int16)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize(("ending", "packed"), [(".mha", False), (".mha", True), (".mhd", False), (".mhd", True)])
def test_the_voxels_are_itk_s(tmp_path, dtype, ending, packed):
    values = VALUES.clip(0, 255).astype(dtype) if dtype == np.uint8 else VALUES.clip(0).astype(dtype)
    written(tmp_path / f"a{ending}", values, packed=packed)
    scan = open_scan(tmp_path / f"a{ending}")
    assert scan.format == "metaimage" and scan.shape == (4, 6, 9) and scan.spacing == (0.75, 0.5)
    assert scan.thickness == 2.5 and scan.patient_left == "right"
    for k in range(4):
        np.testing.assert_array_equal(scan.values(k), values[k].astype(np.float32))


@pytest.mark.parametrize(
    "direction",
    [
        (1, 0, 0, 0, 1, 0, 0, 0, 1),
        (-1, 0, 0, 0, -1, 0, 0, 0, 1),
        (0, 1, 0, 1, 0, 0, 0, 0, -1),
        (0, 0, 1, 1, 0, 0, 0, 1, 0),
        (0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1),
    ],
)
def test_the_place_is_itk_s(tmp_path, direction):
    image = written(tmp_path / "a.mha", VALUES, direction=direction)
    affine = open_scan(tmp_path / "a.mha").source.affine
    for index in ((0, 0, 0), (8, 0, 0), (0, 5, 0), (0, 0, 3), (8, 5, 3)):
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose((affine @ [*index, 1])[:3], (-x, -y, z), atol=1e-4)


def test_a_mask_comes_back_in_the_place_of_the_volume(tmp_path):
    """As NIfTI, in ITK's own eyes."""
    from lexseg.outputs.nifti import nifti_bytes

    image = written(tmp_path / "a.mha", VALUES, direction=(0, 1, 0, 1, 0, 0, 0, 0, -1))
    scan = open_scan(tmp_path / "a.mha")
    shown = np.stack([scan.values(k) > 500 for k in range(scan.shape[0])])
    (tmp_path / "m.nii.gz").write_bytes(nifti_bytes(scan, shown))
    mask = sitk.ReadImage(str(tmp_path / "m.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(mask), VALUES > 500)
    np.testing.assert_allclose(mask.GetOrigin(), image.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(mask.GetDirection(), image.GetDirection(), atol=1e-4)


def test_a_flat_picture(tmp_path):
    written(tmp_path / "a.mha", VALUES[0])
    scan = open_scan(tmp_path / "a.mha")
    assert scan.shape == (1, 6, 9)
    np.testing.assert_array_equal(scan.values(0), VALUES[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"DimSize = 9 6 4", b"DimSize = 9 6 5"),
        (b"DimSize = 9 6 4", b"DimSize = 9 six 4"),
        (b"NDims = 3", b"NDims = 7"),
        (b"ElementType = MET_SHORT", b"ElementType = MET_OTHER"),
        (b"ElementSpacing = 0.5 0.75 2.5", b"ElementSpacing = 0,5 0,75 2,5"),
        (b"ElementSpacing = 0.5 0.75 2.5", b"ElementSpacing = 0.5 0.75"),
        (b"CompressedData = False", b"CompressedData = perhaps"),
        (b"CompressedData = False", b"CompressedData = True"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = ../b.raw"),
        (b"ElementDataFile = LOCAL", b"ElementDataFile = LIST"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_names_the_file(tmp_path, old, new):
    written(tmp_path / "a.mha", VALUES)
    content = (tmp_path / "a.mha").read_bytes()
    assert old in content
    (tmp_path / "a.mha").write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match=r"a\.mha"):
        scan = open_scan(tmp_path / "a.mha")
        [scan.values(k) for k in range(scan.shape[0])]


def test_colours_are_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True), str(tmp_path / "a.mha"))
    with pytest.raises(DataError, match="colours"):
        open_scan(tmp_path / "a.mha")
