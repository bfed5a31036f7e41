"""The format that is written by default can be written, and no refusal recommends what is refused in turn."""

import nibabel as nib
import numpy as np
import pydicom
import pytest

from dicom_made import enhanced, series
from lexseg.errors import ConfigError, DataError
from lexseg.outputs.formats import Outputs
from lexseg.outputs.nifti import nifti_bytes, why_no_nifti
from lexseg.outputs.seg import Segment, seg_bytes
from lexseg.scans import open_scan

VALUES = np.random.default_rng(0).integers(0, 900, (6, 20, 24)).astype(np.int16)


@pytest.fixture
def uneven(tmp_path):
    for file in series(tmp_path / "s", VALUES):
        k = file.InstanceNumber - 1
        file.ImagePositionPatient = ["-40", "-30", str([0, 3, 6, 13, 20, 27][k])]
        file.save_as(tmp_path / "s" / f"n{k}", enforce_file_format=True)
    for path in (tmp_path / "s").glob("0*"):
        path.unlink()
    return open_scan(tmp_path / "s")


@pytest.fixture
def times(tmp_path):
    file = enhanced(tmp_path / "t.dcm", VALUES)
    for number, group in enumerate(file.PerFrameFunctionalGroupsSequence):
        group.PlanePositionSequence[0].ImagePositionPatient = ["-40", "-30", str(number % 3 * 2.5)]
    file.save_as(tmp_path / "t.dcm", enforce_file_format=True)
    return tmp_path / "t.dcm"


@pytest.fixture
def unplaced(tmp_path):
    file = enhanced(tmp_path / "u.dcm", VALUES)
    del file.PerFrameFunctionalGroupsSequence
    file.save_as(tmp_path / "u.dcm", enforce_file_format=True)
    return open_scan(tmp_path / "u.dcm")


def test_uneven_slices_fall_back_to_png_and_say_so(uneven):
    Outputs().check(uneven)
    assert "written as PNG: the frames are not evenly spaced" in (Outputs().note(uneven) or "")
    with pytest.raises(ConfigError, match="not evenly spaced"):
        Outputs(format="nifti").check(uneven)
    seg_bytes(uneven, [Segment(np.ones(uneven.shape, bool))], model_name="m", model_version="0" * 64)  # as it advises


def test_times_are_refused_without_a_circle_and_can_be_chosen(times):
    scan = open_scan(times)
    masks = np.ones(scan.shape, bool)
    assert "PNG" in (Outputs().note(scan) or "")
    for write in (
        lambda: nifti_bytes(scan, masks),
        lambda: seg_bytes(scan, [Segment(masks)], model_name="m", model_version="0" * 64),
    ):
        with pytest.raises(DataError, match="choose one at each by the channel, or write PNG"):
            write()
    one = open_scan(times, channel=1)
    assert why_no_nifti(one) is None
    nifti_bytes(one, masks[:3])
    seg_bytes(one, [Segment(masks[:3])], model_name="m", model_version="0" * 64)


def test_of_frames_without_a_place_the_file_says_that_their_step_is_not_known(unplaced, tmp_path):
    assert Outputs().note(unplaced) is None
    (tmp_path / "m.nii.gz").write_bytes(nifti_bytes(unplaced, np.ones(unplaced.shape, bool)))
    header = nib.Nifti1Header(nib.load(tmp_path / "m.nii.gz").header.binaryblock, check=False)
    raw = open_scan(tmp_path / "m.nii.gz")
    assert raw.spacing == (0.8, 0.7)
    assert raw.thickness == 1 and "distance of slices not known" in header["descrip"].item().decode()
    assert int(header["sform_code"]) == 0


def test_one_identifier_for_several_images_is_no_reference(tmp_path):
    for file in series(tmp_path / "s", VALUES):
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        file.save_as(tmp_path / "s" / f"n{file.InstanceNumber}", enforce_file_format=True)
    for path in (tmp_path / "s").glob("0*"):
        path.unlink()
    scan = open_scan(tmp_path / "s")
    assert scan.shape[0] == 6 and pydicom.dcmread(tmp_path / "s/n1").SOPInstanceUID == "1.2.3"
    with pytest.raises(DataError, match="several images have one SOPInstanceUID"):
        seg_bytes(scan, [Segment(np.ones(scan.shape, bool))], model_name="m", model_version="0" * 64)
