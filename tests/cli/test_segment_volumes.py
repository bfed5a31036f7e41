"""``lexseg segment`` on DICOM, NIfTI and NRRD, through ``main`` as the command line calls it."""

import json
import zipfile

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from dicom_made import film, frames_of, series
from lexseg.cli.main import main
from lexseg.scans import open_scan


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def segment(sides_folder, out, capsys):
    """Run the command; returns its status and what it wrote to the error stream."""

    def call(*arguments):
        status = main(["segment", *map(str, arguments), "--model", str(sides_folder), "--output", str(out)])
        return status, capsys.readouterr().err

    return call


def listed(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def spots(frames=5, height=48, width=64):
    """Hounsfield units: in each but the first frame, something bright at the left and at the right of the picture."""
    values = np.full((frames, height, width), -1000, np.int16)
    values[1:, 15:30, 8:20] = values[1:, 15:30, -20:-8] = 1000
    return values


@pytest.fixture
def ct(tmp_path):
    """A CT series that hangs as usual: the patient's left at the right of the picture."""
    series(tmp_path / "ct", spots())
    return tmp_path / "ct"


def test_a_series_becomes_a_nifti_mask_with_the_patient_s_left(segment, ct, out):
    assert segment(ct, "--text", "left lung", "--window", "lung") == (0, "")
    assert listed(out) == ["ct.json", "ct_mask.nii.gz", "ct_overlay.png"]
    record = json.loads((out / "ct.json").read_text())
    mask = np.asarray(nib.load(out / "ct_mask.nii.gz").dataobj)
    assert mask.shape == (64, 48, 5)
    assert mask[32:].any() and not mask[:32].any()  # columns grow to the patient's left
    assert record["laterality"] == "patient" and record["patient_left"] == "right"
    assert record["frames_found"] == [1, 2, 3, 4] and record["voxels"] == mask.sum()
    assert record["ml"] == pytest.approx(mask.sum() * 0.8 * 0.7 * 2.5 / 1000, abs=1e-3)
    assert record["window"] == {"width": 1500, "level": -600} and record["files"] == ["ct_mask.nii.gz"]
    assert Image.open(out / "ct_overlay.png").height > 48  # whose left it is stands below


def test_a_mirrored_series_is_asked_in_the_patient_s_words_too(segment, tmp_path, out):
    series(tmp_path / "ct", spots(), row=(-1, 0, 0))
    assert segment(tmp_path / "ct", "--text", "left lung", "--format", "png")[0] == 0
    record = json.loads((out / "ct.json").read_text())
    assert record["laterality"] == "patient" and record["patient_left"] == "left"
    mask = np.asarray(Image.open(out / f"ct_{record['largest']['frame']:04d}_mask.png"))
    assert mask[:, :32].any() and not mask[:, 32:].any()
    segment(tmp_path / "ct", "--text", "left lung", "--laterality", "image")
    assert json.loads((out / "ct.json").read_text())["laterality"] == "image"


@pytest.mark.parametrize("orientation", [("L", "F"), ("R", "F"), None])
def test_a_film_by_its_header(segment, tmp_path, out, orientation):
    film(tmp_path / "film.dcm", ((spots()[1] > 0) * 255).astype(np.uint8), orientation=orientation or ())
    status, err = segment(tmp_path / "film.dcm", "--text", "left lung")
    mask = np.asarray(Image.open(out / "film_mask.png"))
    at_right = orientation == ("L", "F")
    assert status == 0 and mask[:, 32:].any() == at_right and mask[:, :32].any() != at_right
    record = json.loads((out / "film.json").read_text())
    assert record["laterality"] == ("patient" if orientation else "image")
    assert ("--laterality" in err) == (orientation is None) and len(record["warnings"]) == (orientation is None)
    assert record["spacing"] == [0.7, 0.7] and record["area"]["mm2"] is not None


def test_a_dicom_seg_and_a_capture(segment, ct, out):
    status, _ = segment(ct, "--text", "left lung of Zaphod", "--text", "bright", "--format", "seg", "--capture")
    assert status == 0
    endings = (".json", "_capture.dcm", "_overlay.png", "_seg.dcm")
    assert set(listed(out)) == {f"ct{number}{ending}" for number in ("", "_2") for ending in endings}
    assert all(b"Zaphod" not in (out / name).read_bytes() for name in listed(out))
    scan = open_scan(ct)
    seg = pydicom.dcmread(out / "ct_seg.dcm")
    assert seg.StudyInstanceUID == scan.source.dataset(0).StudyInstanceUID and len(list(frames_of(seg))) == 4
    for _, _, _, mask in frames_of(seg):
        assert mask[:, 32:].any() and not mask[:, :32].any()
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    record = json.loads((out / "ct.json").read_text())
    assert algorithm.AlgorithmVersion == record["model_sha256"]
    capture = pydicom.dcmread(out / "ct_capture.dcm")
    assert np.array_equal(capture.pixel_array, np.asarray(Image.open(out / "ct_overlay.png")))
    segment(ct, "--text", "left lung of Zaphod", "--format", "seg", "--include-text")
    assert pydicom.dcmread(out / "ct_seg.dcm").SegmentSequence[0].SegmentDescription == "left lung of Zaphod"


def test_a_film_as_seg_and_as_nifti_and_its_report(segment, tmp_path, out):
    path = tmp_path / "film.dcm"
    film(path, ((spots()[1] > 0) * 255).astype(np.uint8))
    assert segment(path, "--text", "left", "--format", "seg")[0] == segment(path, "--format", "nifti")[0] == 0
    assert {"film_seg.dcm", "film_mask.nii.gz"} <= set(listed(out))
    (tmp_path / "report.txt").write_text("Bright left lung. No effusion. Bright right lung.")
    assert segment(path, "--report", tmp_path / "report.txt", "--format", "seg", "--capture")[0] == 0
    index = json.loads((out / "film_report.json").read_text())
    assert [f["state"] for f in index["findings"]] == ["found", "negated", "found"]
    assert index["findings"][0]["files"] == {
        "mask": "film_01_seg.dcm",
        "capture": "film_01_capture.dcm",
        "overlay": "film_01_overlay.png",
        "json": "film_01.json",
    }
    assert index["findings"][0]["laterality"] == "patient"
    ((_, _, _, mask),) = frames_of(pydicom.dcmread(out / "film_01_seg.dcm"))
    assert mask[:, 32:].any() and not mask[:, :32].any()


def test_a_report_of_a_film_of_unknown_side_is_doubted_as_a_sentence_is(segment, tmp_path):
    path = tmp_path / "film.dcm"
    film(path, ((spots()[1] > 0) * 255).astype(np.uint8))
    dataset = pydicom.dcmread(path)
    del dataset.PatientOrientation
    dataset.save_as(path)
    (tmp_path / "report.txt").write_text("Bright left lung. No effusion on the left. Bright lung.")
    told = segment(path, "--report", tmp_path / "report.txt")[1]
    assert told.count("does not say which side") == 1 and "finding 1: the header does not say" in told
    assert "does not say which side" in segment(path, "--text", "left")[1]


def test_slices_of_a_nifti_file_as_png(segment, out, data_root):
    path = data_root / "io_samples/nifti/totalseg_example_mr_sm.nii.gz"
    assert segment(path, "--text", "bright", "--slices", "6:8", "--format", "png")[0] == 0
    name = "totalseg_example_mr_sm"
    masks = [f"{name}_{n:04d}_mask.png" for n in (6, 7)]
    assert listed(out) == sorted([f"{name}.json", f"{name}_overlay.png", *masks])
    record = json.loads((out / f"{name}.json").read_text())
    assert record["frames"] == [6, 7] and record["n_frames"] == 20 and record["files"] == masks
    assert record["modality"] is None and record["format"] == "nifti"


def test_a_zip_and_a_folder_of_several_volumes(segment, ct, tmp_path, out, data_root):
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as file:
        for path in ct.iterdir():
            file.write(path, path.name)
    status, err = segment(tmp_path / "study.zip", "--text", "left")
    assert (status, err) == (0, "") and "study_mask.nii.gz" in listed(out)
    folder = tmp_path / "volumes"
    folder.mkdir()
    for name in ("a", "b"):
        nib.save(nib.Nifti1Image(spots().T.astype(np.int16), np.diag([1, 1, 3, 1])), folder / f"{name}.nii.gz")
    assert segment(folder, "--text", "left")[0] == 0
    assert {"a_mask.nii.gz", "b_mask.nii.gz"} <= set(listed(out))


def test_several_series_in_a_folder_are_listed_and_one_is_chosen(segment, tmp_path, out):
    first, second = (series(tmp_path / "study" / name, spots()) for name in "ab")
    status, err = segment(tmp_path / "study", "--text", "left")
    uid = str(second[0].SeriesInstanceUID)
    assert status == 1 and "--series" in err and uid in err and str(first[0].SeriesInstanceUID) in err
    assert listed(out) == []
    assert segment(tmp_path / "study", "--text", "left", "--series", uid, "--format", "seg")[0] == 0
    referred = pydicom.dcmread(out / "study_seg.dcm").ReferencedSeriesSequence[0]
    assert referred.SeriesInstanceUID == uid


def test_a_series_beside_a_picture_in_one_folder(segment, ct, out):
    """Both in one run; the picture is called as the folder is, and their results stand beside one another."""
    Image.fromarray(((spots()[1] > 0) * 255).astype(np.uint8)).save(ct / "ct.png")
    status, err = segment(ct, "--text", "left lung")
    assert status == 0 and "left out" not in err
    assert listed(out) == [
        *("ct.json", "ct_2.json", "ct_2_mask.nii.gz", "ct_2_overlay.png", "ct_mask.png", "ct_overlay.png"),
    ]
    assert json.loads((out / "ct_2.json").read_text())["format"] == "dicom"


def test_of_a_folder_of_both_the_series_that_is_asked_for_alone(segment, tmp_path, out):
    first, second = (series(tmp_path / "study" / name, spots()) for name in "ab")
    for path in list((tmp_path / "study").glob("*/*")):
        path.rename(tmp_path / "study" / f"{path.parent.name}{path.name}")
    Image.fromarray(((spots()[1] > 0) * 255).astype(np.uint8)).save(tmp_path / "study" / "film.png")
    status, err = segment(tmp_path / "study", "--text", "left")
    uid = str(second[0].SeriesInstanceUID)
    assert status == 1 and "1 done" in err and uid in err and str(first[0].SeriesInstanceUID) in err
    assert listed(out) == ["film.json", "film_mask.png", "film_overlay.png"]
    status, err = segment(tmp_path / "study", "--text", "left", "--series", uid)
    assert status == 0 and "left out (1)" in err and "study_mask.nii.gz" in listed(out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slices", "3:9"], "there are 5"),
        (["--series", "1.2.3"], "1.2.3"),
        (["--window", "blue"], "window"),
    ],
)
def test_options_that_do_not_fit_a_volume(segment, ct, out, options, message):
    status, err = segment(ct, "--text", "left", *options)
    assert status == 1 and err.startswith("error: ") and message in err and "Traceback" not in err
    assert listed(out) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slices", "0:1"], "single image"),
        (["--window", "lung"], "--window"),
        (["--format", "seg"], "DICOM"),
        (["--capture"], "DICOM"),
    ],
)
def test_options_that_do_not_fit_a_png(segment, tmp_path, out, options, message):
    Image.fromarray(((spots()[1] > 0) * 255).astype(np.uint8)).save(tmp_path / "film.png")
    status, err = segment(tmp_path / "film.png", "--text", "left", *options)
    assert status == 1 and message in err and "film.png" in err and listed(out) == []


@pytest.mark.parametrize("slices", ["5", "a:b", "3:3", "4:2", "-1:2", "1:2:3"])
def test_slices_that_are_none(segment, ct, slices):
    status, err = segment(ct, f"--slices={slices}")
    assert status == 2 and "A:B" in err


def test_what_only_looks_like_an_image(segment, out, data_root):
    samples = data_root / "io_samples/dicom"
    for name, what in (("dcmqi_seg/liver.dcm", "segmentation"), ("rtutils_ct_rtstruct/rt.dcm", "RTSTRUCT")):
        status, err = segment(samples / name, "--text", "left")
        assert status == 1 and what in err and "give the images" in err
    assert listed(out) == []


def test_a_png_as_nifti_has_the_spacing_that_is_given(segment, tmp_path, out):
    Image.fromarray(((spots()[1] > 0) * 255).astype(np.uint8)).save(tmp_path / "film.png")
    assert segment(tmp_path / "film.png", "--text", "left", "--format", "nifti", "--spacing", "0.5,0.25")[0] == 0
    mask = nib.load(out / "film_mask.nii.gz")
    assert mask.header.get_zooms()[:2] == (0.25, 0.5) and np.asarray(mask.dataobj)[:32].any()


def test_results_never_overwrite_a_volume(segment, tmp_path, out, capsys, sides_folder):
    path = tmp_path / "a_mask.nii.gz"
    nib.save(nib.Nifti1Image(spots().T.astype(np.int16), np.eye(4)), path)
    nib.save(nib.Nifti1Image(spots().T.astype(np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    before = path.read_bytes()
    arguments = [str(tmp_path / "a.nii.gz"), str(path), "--model", str(sides_folder), "--output", str(tmp_path)]
    assert main(["segment", *arguments]) == 1 and "overwrite" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_results_do_not_get_among_the_files_of_a_series(ct, sides_folder, capsys):
    before = listed(ct)
    for output in (ct, ct / "out"):
        assert main(["segment", str(ct), "--model", str(sides_folder), "--output", str(output)]) == 1
        assert "--output" in capsys.readouterr().err and listed(ct) == before
