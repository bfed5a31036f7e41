"""Every file of io_samples against nibabel, SimpleITK and pydicom; or the clear error that it gives."""

import nibabel as nib
import numpy as np
import pydicom
import pytest

from lexseg.errors import DataError
from lexseg.scans import open_scan, open_scans

sitk = pytest.importorskip("SimpleITK")


@pytest.fixture
def samples(data_root):
    return data_root / "io_samples"


def landmarks(shape):
    """A few places in a volume, none of which lies in the middle of any axis."""
    frames, rows, columns = shape
    return [
        (frame * frames // 5, row * rows // 7, column * columns // 11)
        for frame, row, column in [(0, 1, 2), (1, 3, 5), (2, 5, 3), (4, 6, 9), (3, 2, 7)]
    ]


def check_against_itk(scan, image):
    """Values, directions and distances by SimpleITK, which reads the files in its own way."""
    array = sitk.GetArrayViewFromImage(image)
    numbers = np.arange(np.prod(scan.shape)).reshape(scan.shape)
    stored = scan.to_stored(numbers)
    places = np.empty(stored.size, int)
    places[stored.ravel()] = np.arange(stored.size)

    def place(frame, row, column):
        """The index in the file of a shown pixel, as SimpleITK counts, and where in the patient that lies (LPS)."""
        found = [int(at) for at in np.unravel_index(places[numbers[frame, row, column]], stored.shape)]
        return found, np.array(image.TransformIndexToPhysicalPoint(found))

    for frame, row, column in landmarks(scan.shape):
        index, point = place(frame, row, column)
        i, j, k = index
        assert scan.values(frame)[row, column] == pytest.approx(array[k, j, i], abs=1e-3)
        to_left = place(frame, row, column + 1)[1] - point
        to_back = place(frame, row + 1, column)[1] - point
        assert np.argmax(np.abs(to_left)) == 0 and to_left[0] > 0
        assert np.argmax(np.abs(to_back)) == 1 and to_back[1] > 0
        assert np.linalg.norm(to_left) == pytest.approx(scan.spacing[1], rel=1e-4)
        assert np.linalg.norm(to_back) == pytest.approx(scan.spacing[0], rel=1e-4)
        if frame + 1 < scan.shape[0]:
            to_head = place(frame + 1, row, column)[1] - point
            assert np.argmax(np.abs(to_head)) == 2 and to_head[2] > 0
            assert np.linalg.norm(to_head) == pytest.approx(scan.thickness, rel=1e-4)
    assert scan.patient_left == "right"
    assert scan.laterality == "patient"


def test_every_volume_file(samples):
    files = sorted((samples / "nifti").iterdir()) + sorted((samples / "dicom/dcmqi_seg").glob("*.nrrd"))
    assert len(files) == 14
    for path in files:
        scan = open_scan(path)
        assert scan.format == ("nrrd" if path.suffix == ".nrrd" else "nifti")
        check_against_itk(scan, sitk.ReadImage(path))


def test_every_nifti_file_against_nibabel(samples):
    for path in sorted((samples / "nifti").iterdir()):
        scan, image = open_scan(path), nib.load(path)
        volume = np.stack([scan.values(frame) for frame in range(scan.shape[0])])
        assert np.array_equal(scan.to_stored(volume), np.asanyarray(image.dataobj).astype(np.float32))
        assert np.array_equal(scan.source.affine, image.affine)


def test_every_dicom_image_against_pydicom(samples):
    files = [
        path
        for path in sorted((samples / "dicom").rglob("*.dcm"))
        if pydicom.dcmread(path).get("Modality") in ("CT", "DX")
    ]
    assert len(files) == 25
    for path in files:
        scan, dataset = open_scan(path), pydicom.dcmread(path)
        expected = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
        assert np.array_equal(scan.values(0), expected.astype(np.float32))
        assert scan.spacing == tuple(round(float(value), 6) for value in dataset.PixelSpacing)
        assert scan.modality == dataset.Modality
        if "WindowWidth" in dataset and scan.modality == "CT":
            *shown, black, white = pydicom.pixels.apply_voi_lut(np.append(expected, [-1e6, 1e6]), dataset, index=0)
            shown = np.reshape(shown, expected.shape)
            assert np.allclose(scan.show(0), (shown - black) / (white - black), atol=1e-4)


def test_every_other_dicom_file_says_what_it_is(samples):
    words = {"SEG": "a segmentation (DICOM SEG)", "RTSTRUCT": "a radiotherapy structure set (RTSTRUCT)"}
    tried = 0
    for path in sorted((samples / "dicom").rglob("*.dcm")):
        modality = pydicom.dcmread(path).Modality
        if modality in words:
            with pytest.raises(DataError) as caught:
                open_scan(path)
            assert str(caught.value) == (
                f"{path}: this is {words[modality]}, not an image; give the images that it belongs to"
            )
            tried += 1
    assert tried == 6


@pytest.mark.parametrize("folder, left", [("dcmqi_ct-3slice", "right"), ("torchio_series", "left")])
def test_series_against_itk(samples, folder, left):
    folder = samples / "dicom" / folder
    scan = open_scan(folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    array = sitk.GetArrayViewFromImage(image)
    assert scan.shape == array.shape
    for frame, row, column in landmarks(scan.shape):
        assert scan.values(frame)[row, column] == pytest.approx(array[frame, row, column], abs=1e-3)
        here = scan.source.affine @ [column, row, frame, 1]
        assert np.allclose(here[:3], image.TransformIndexToPhysicalPoint((column, row, frame)), atol=1e-3)
    assert scan.spacing == pytest.approx(image.GetSpacing()[1::-1])
    assert scan.thickness == pytest.approx(image.GetSpacing()[2], rel=1e-4)
    # the rows of the series from torchio run to the patient's right
    assert scan.patient_left == left
    assert scan.laterality == {"right": "patient", "left": "image"}[left]


def test_a_structure_set_beside_its_series_is_left_out(samples):
    scan = open_scan(samples / "dicom/rtutils_ct_rtstruct")
    assert (scan.shape, scan.thickness) == ((2, 512, 512), 5.0)
    assert scan.source.affine[:3, 3].tolist() == [-125, -125, 60]


def test_the_film(samples):
    scan = open_scan(samples / "dicom/highdicom/dx_image.dcm")
    dataset = pydicom.dcmread(samples / "dicom/highdicom/dx_image.dcm")
    assert dataset.PhotometricInterpretation == "MONOCHROME1"
    assert scan.inverted
    # 8 bits, level 128 and width 256: every gray is itself, and white is the smallest
    assert np.allclose(scan.show(0), 1 - dataset.pixel_array / 255, atol=1e-6)
    assert np.array_equal(scan.values(0), dataset.pixel_array)
    assert scan.patient_left == "right"  # PatientOrientation is L\F
    assert scan.source.frame_of_reference is None and scan.source.affine is None


def test_a_folder_of_two_series_asks_which(samples):
    folder = samples / "dicom/highdicom"
    with pytest.raises(DataError, match=r"holds 2 images or series, expected one; say which by --series: .*: DX, 1 im"):
        open_scan(folder)
    ct = open_scan(folder / "ct_image.dcm")  # which begins like a TIFF
    chosen = open_scan(folder, series=ct.source.headers[0].series)
    assert np.array_equal(chosen.values(0), ct.values(0))
    with pytest.raises(DataError, match=r"there is no series 1\.2\.3; there are"):
        open_scan(folder, series="1.2.3")
    # a file is looked at no less closely: a mask of another series would pass for one of this
    path = folder / "ct_image.dcm"
    assert open_scan(path, series=ct.source.headers[0].series).shape == ct.shape
    with pytest.raises(DataError, match=r"there is no series 1\.2\.3; there are"):
        open_scan(path, series="1.2.3")
    for there_is_one in (path, folder):
        with pytest.raises(DataError, match="there is no channel 3"):
            open_scan(there_is_one, series=ct.source.headers[0].series, channel=3)
    assert sorted(scan.modality for scan in open_scans(folder)) == ["CT", "DX"]


def test_pictures_are_as_they_were(data_root):
    from lexseg.scans.images import read_image

    path = sorted((data_root / "shippable_cxr").glob("*.png"))[0]
    scan = open_scan(path)
    assert np.array_equal(scan.show(0), read_image(path))
    assert (scan.format, scan.patient_left, scan.laterality, scan.is_volume) == ("image", None, None, False)
