"""Two statements about a side that cannot both be true are told, whichever of them is taken."""

import pytest

from dicom_made import film
from lexseg.scans import open_scan

SAID = "contradict each other"


def test_orientation_of_the_patient_and_of_the_image(make_file):
    cosines = [1, 0, 0, 0, 1, 0]
    wrong = open_scan(make_file("a.dcm", ImageOrientationPatient=cosines, PatientOrientation=["R", "P"]))
    assert wrong.patient_left == "right" and any(SAID in note for note in wrong.notes)
    right = open_scan(make_file("b.dcm", ImageOrientationPatient=cosines, PatientOrientation=["L", "P"]))
    assert not any(SAID in note for note in right.notes)


def test_a_frontal_view_whose_rows_run_to_the_front(tmp_path, real_ct):
    film(tmp_path / "a.dcm", real_ct.pixel_array.astype("u1"), orientation=("A", "F"), ViewPosition="PA")
    scan = open_scan(tmp_path / "a.dcm")
    assert scan.patient_left is None and any(SAID in note for note in scan.notes)


@pytest.mark.parametrize(
    "name, header, told",
    [
        ("a.dcm", {"ImageLaterality": "L", "Laterality": "R"}, True),
        ("a.dcm", {"ImageLaterality": "L", "Laterality": "L"}, False),
        ("case_R_MLO.dcm", {"ImageLaterality": "L"}, True),
        ("case_LCC.dcm", {"ImageLaterality": "R"}, True),
        ("case-left.dcm", {"Laterality": "R"}, True),
        ("case_L_MLO.dcm", {"ImageLaterality": "L"}, False),
        ("left_and_right.dcm", {"ImageLaterality": "L"}, False),
        ("control.dcm", {"ImageLaterality": "L"}, False),
        ("case_R.dcm", {}, False),
    ],
)
def test_the_side_that_is_shown(tmp_path, real_ct, name, header, told):
    film(tmp_path / name, real_ct.pixel_array.astype("u1"), **header)
    assert any(SAID in note for note in open_scan(tmp_path / name).notes) == told
