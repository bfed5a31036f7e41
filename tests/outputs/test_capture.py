"""Secondary captures: a picture that any DICOM viewer shows, that says whose it is and what it is of."""

import subprocess

import numpy as np
import pytest
from PIL import Image

import components
from dicom_made import US_CINE, basic, read
from lexseg.errors import DataError
from lexseg.outputs.capture import capture_bytes
from lexseg.outputs.overlay import draw_overlay
from lexseg.scans import open_scan

# empty where the source says nothing of the side of a paired part: the standard allows it where it is not known
EXPLAINED = ("Retired Person Name form", "</Laterality(0020,0060)> - is only permitted to be empty", "THORAX")


def overlay(scan, caption=()):
    mask = np.zeros(scan.shape[1:], np.bool_)
    mask[5:15, 5:15] = True
    return draw_overlay(scan.show(0), mask, caption=caption)


@pytest.mark.parametrize("name", ["highdicom/dx_image.dcm", "highdicom/ct_image.dcm", "torchio_series"])
def test_of_real_images(name, data_root, tmp_path):
    scan = open_scan(data_root / "io_samples/dicom" / name)
    picture = overlay(scan, caption=["not found"])  # of an odd height, often
    content = capture_bytes(scan, 0, picture, model_version="abc")
    capture, source = read(content), scan.source.dataset(0)
    assert np.array_equal(capture.pixel_array, np.asarray(picture))
    assert (capture.PatientID, capture.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)
    assert capture.SeriesInstanceUID != source.SeriesInstanceUID and capture.Modality == "OT"
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert "FrameOfReferenceUID" not in capture and "PixelSpacing" not in capture  # nothing is to be measured in it
    assert "not a medical device" in capture.ImageComments
    (tmp_path / "c.dcm").write_bytes(content)
    said = subprocess.run([components.dciodvfy(), "-new", tmp_path / "c.dcm"], capture_output=True, text=True).stderr
    assert "SCImage" in said
    assert [line for line in said.splitlines() if " - " in line and not any(e in line for e in EXPLAINED)] == []


def test_a_sentence_in_the_picture_is_declared_and_so_is_what_the_image_had_burned_in(tmp_path):
    file = basic(US_CINE, "US", np.zeros((2, 30, 40), np.uint8))
    for burned, told, declared in (("NO", False, "NO"), ("NO", True, "YES"), ("YES", False, "YES")):
        file.BurnedInAnnotation = burned
        file.save_as(tmp_path / "us.dcm", enforce_file_format=True)
        scan = open_scan(tmp_path / "us.dcm")
        capture = read(capture_bytes(scan, 1, overlay(scan), model_version="abc", includes_text=told))
        assert capture.BurnedInAnnotation == declared
        assert capture.SourceImageSequence[0].ReferencedFrameNumber == 2


def test_of_a_picture_that_is_no_dicom(tmp_path):
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    scan = open_scan(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png.*refers to DICOM images"):
        capture_bytes(scan, 0, overlay(scan), model_version="abc")
