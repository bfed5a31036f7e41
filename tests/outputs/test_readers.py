"""A segmentation is read by other people's programs as it is by ours: highdicom, SimpleITK (GDCM), dcmqi, dciodvfy."""

import subprocess

import highdicom
import numpy as np
import pytest
import SimpleITK as sitk

import components
from dicom_made import US_CINE, basic, film, series
from lexseg.outputs.codes import finding_of
from lexseg.outputs.seg import Segment, seg_bytes
from lexseg.scans import open_scan
from outputs.test_seg import complaints

MODEL = {"model_name": "m", "model_version": "0" * 64}
KINDS = ["CT", "film with spacing", "film spaced at the detector", "film without spacing", "clip"]


@pytest.fixture(params=KINDS)
def case(request, tmp_path):
    """(scan, masks bool[frames, H, W] of two segments, path of the SEG)."""
    kind, pixels = request.param, np.random.default_rng(2).integers(0, 255, (40, 32), np.uint8)
    if kind == "CT":
        series(tmp_path / "image", pixels[None].astype(np.int16).repeat(4, axis=0))
    elif kind == "clip":
        file = basic(US_CINE, "US", pixels[None].repeat(3, axis=0))
        file.save_as(tmp_path / "image", enforce_file_format=True)
    else:
        file = film(tmp_path / "image", pixels)
        if kind == "film with spacing":
            file.PixelSpacing = ["0.4", "0.5"]
        elif kind == "film without spacing":
            del file.ImagerPixelSpacing
        file.save_as(tmp_path / "image", enforce_file_format=True)
    scan = open_scan(tmp_path / "image")
    masks = np.zeros((2, *scan.shape), np.bool_)
    frame = min(1, scan.shape[0] - 1)
    masks[0, frame, 3:20, 4:9] = masks[0, frame, 3:6, 4:30] = masks[1, frame, 25:27, 20:31] = True
    if kind == "CT":
        masks[0, 2, 30:33, 5:6] = True
    segments = [Segment(masks[0], finding=finding_of("nodule")), Segment(masks[1])]
    path = tmp_path / "seg.dcm"
    path.write_bytes(seg_bytes(scan, segments, **MODEL))
    return scan, masks, path


def test_highdicom(case):
    scan, masks, path = case
    seg = highdicom.seg.segread(path)
    images = [str(scan.source.dataset(n).SOPInstanceUID) for n in range(scan.shape[0])]
    if len(set(images)) == len(images):
        stored = seg.get_pixels_by_source_instance(images, assert_missing_frames_are_empty=True)
    else:
        numbers = [place[1] + 1 for place in scan.source.places]
        stored = seg.get_pixels_by_source_frame(images[0], numbers, assert_missing_frames_are_empty=True)
    assert np.array_equal(np.moveaxis(stored, -1, 0) > 0, masks)
    volume = seg.get_volume()
    assert volume.array.sum() == masks.sum()
    assert volume.spacing[1:] == pytest.approx(scan.spacing or (1, 1))


def test_simpleitk_reads_it_and_lays_a_films_mask_on_the_film(case):
    scan, masks, path = case
    # one segment: GDCM takes the frames of a second one for slices 0 mm further, of anything
    path.write_bytes(seg_bytes(scan, [Segment(masks[0])], **MODEL))
    read = sitk.ReadImage(str(path))
    assert np.count_nonzero(sitk.GetArrayFromImage(read)) == masks[0].sum()
    assert read.GetSpacing()[:2] == pytest.approx((scan.spacing or (1, 1))[::-1])
    if not scan.is_volume:
        image = sitk.ReadImage(str(path.with_name("image")))
        assert (read.GetOrigin(), read.GetDirection()) == (image.GetOrigin(), image.GetDirection())
        # GDCM reads a film's ImagerPixelSpacing, and of its PixelSpacing nothing
        assert "PixelSpacing" in scan.source.dataset(0) or read.GetSpacing() == image.GetSpacing()


def test_dcmqi(case, tmp_path):
    _, masks, path = case
    command = [components.dcmqi(), "--inputDICOM", path, "--outputDirectory", tmp_path, "-t", "nrrd"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stdout + said.stderr
    sizes = [np.count_nonzero(sitk.GetArrayFromImage(sitk.ReadImage(str(p)))) for p in sorted(tmp_path.glob("*.nrrd"))]
    assert sizes == [mask.sum() for mask in masks]


def test_dciodvfy(case, tmp_path):
    *_, path = case
    assert complaints(path.read_bytes(), tmp_path / "copy.dcm") == []
