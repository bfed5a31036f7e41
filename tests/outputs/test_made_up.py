"""What is made up for the segmentation of an image that nothing places in the patient, and what is not."""

import numpy as np
import pydicom
import pytest

from dicom_made import US_CINE, basic, enhanced, film, read, series
from lexseg.errors import DataError
from lexseg.outputs.seg import Segment, seg_bytes
from lexseg.scans import open_scan

MODEL = {"model_name": "m", "model_version": "0" * 64}
PIXELS = np.random.default_rng(1).integers(0, 255, (30, 24), np.uint8)


def segmented(path, **options):
    scan = open_scan(path)
    return read(seg_bytes(scan, [Segment(np.ones(scan.shape, np.bool_))], **MODEL, **options))


def measures(seg):
    return seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def test_each_image_has_a_frame_of_reference_of_its_own_and_all_its_masks_lie_in_it(tmp_path):
    """Two views of a patient are not beside one another because both are films, whatever their headers say."""
    told = {"FrameOfReferenceUID": "1.2.3.4", "PositionReferenceIndicator": ""}
    for name in "ab":
        film(tmp_path / f"{name}.dcm", PIXELS, **told)
    first, again, other = (segmented(tmp_path / f"{name}.dcm").FrameOfReferenceUID for name in "aab")
    assert first == again and len({first, other, "1.2.3.4"}) == 3


IMAGER, MAGNIFIED = {"ImagerPixelSpacing": ["0.2", "0.3"]}, {"EstimatedRadiographicMagnificationFactor": 2}
SPACED = {
    "its own": ({"PixelSpacing": ["0.4", "0.5"]}, (0.4, 0.5)),
    "at the detector": (IMAGER, (0.2, 0.3)),
    "in the body": (IMAGER | MAGNIFIED, (0.1, 0.15)),
    "unknown": ({}, (1, 1)),
}


@pytest.mark.parametrize("kind", SPACED)
def test_the_size_of_pixels_is_the_images_where_it_is_known_and_else_is_said_to_be_made_up(kind, tmp_path):
    told, expected = SPACED[kind]
    file = film(tmp_path / "film.dcm", PIXELS)
    del file.ImagerPixelSpacing
    for name, value in told.items():
        setattr(file, name, value)
    file.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    seg = segmented(tmp_path / "film.dcm")
    assert [float(v) for v in measures(seg).PixelSpacing] == pytest.approx(expected)
    made_up, _ = seg.ImageComments.split(" made up ")
    assert ("pixel spacing" in made_up) == (kind == "unknown")
    assert "frame of reference, position, orientation" in made_up and "slice thickness" in made_up


def test_sides_are_said_in_words_alone_as_the_image_says_them(tmp_path):
    film(tmp_path / "film.dcm", PIXELS, orientation=("R", "F"))  # seen from behind
    assert segmented(tmp_path / "film.dcm").PatientOrientation == ["R", "F"]


def test_of_what_has_a_place_nothing_is_made_up(tmp_path):
    file, *_ = series(tmp_path / "ct", PIXELS[None].astype(np.int16).repeat(3, axis=0))
    for bare in (False, True):
        seg = segmented(tmp_path / "ct", bare=bare)
        assert "ImageComments" not in seg and seg.FrameOfReferenceUID == file.FrameOfReferenceUID
        assert measures(seg).SliceThickness == 2.5


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_place_that_cannot_be_read_is_told_and_no_other_is_asserted(keyword, tmp_path):
    (file,) = series(tmp_path / "ct", PIXELS[None].astype(np.int16))
    file[keyword].value = "1\\2\\3\\4"
    file.save_as(next((tmp_path / "ct").iterdir()), enforce_file_format=True)
    assert any(keyword in note for note in open_scan(tmp_path / "ct").notes)
    seg = segmented(tmp_path / "ct")
    assert "made up" in seg.ImageComments and seg.FrameOfReferenceUID != file.FrameOfReferenceUID


def test_a_made_up_place_never_stands_beside_true_ones(tmp_path):
    file = enhanced(tmp_path / "ct.dcm", PIXELS[None].astype(np.int16).repeat(3, axis=0))
    file.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = None
    file.save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    with pytest.raises(DataError, match="does not place them in the patient"):
        segmented(tmp_path / "ct.dcm")


def test_frames_of_a_clip_do_not_share_a_place(tmp_path):
    file = basic(US_CINE, "US", PIXELS.reshape(3, 10, 24).copy())
    file.save_as(tmp_path / "us.dcm", enforce_file_format=True)
    scan, found = open_scan(tmp_path / "us.dcm"), []
    for number in range(3):
        masks = np.zeros(scan.shape, np.bool_)
        masks[number, 2:5, 2:9] = True
        found.append(read(seg_bytes(scan, [Segment(masks)], **MODEL)).FrameOfReferenceUID)
    assert len(set(found)) == 3


def test_the_command_leaves_the_plane_out_where_it_is_asked_to(tmp_path):
    from lexseg.cli.main import main

    film(tmp_path / "film.dcm", np.kron(PIXELS, np.ones((8, 8), np.uint8)))
    asked = ["segment", str(tmp_path / "film.dcm"), "--text", "opacity", "--anyway", "--format", "seg"]
    assert main([*asked, "--output", str(tmp_path / "usual")]) == 0
    assert main([*asked, "--bare-seg", "--output", str(tmp_path / "bare")]) == 0
    planes = ["ImageComments" in pydicom.dcmread(next((tmp_path / d).glob("*.dcm"))) for d in ("usual", "bare")]
    assert planes == [True, False]


def test_who_made_it_is_a_program_and_says_so(tmp_path):
    film(tmp_path / "film.dcm", PIXELS)
    assert str(segmented(tmp_path / "film.dcm").ContentCreatorName).startswith("LexSeg")
