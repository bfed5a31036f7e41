"""On which side of the picture the patient's left lies, from whatever the header says."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from lexseg.scans import open_scan


def turned(degrees):
    """Rows that are turned from the patient's left-right axis towards the back."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return [c, s, 0, -s, c, 0]


@pytest.mark.parametrize(
    "cosines, left",
    [
        ([1, 0, 0, 0, 1, 0], "right"),  # axial
        ([-1, 0, 0, 0, -1, 0], "left"),  # axial, turned by half
        ([-1, 0, 0, 0, 1, 0], "left"),  # axial, mirrored
        ([1, 0, 0, 0, -1, 0], "right"),  # axial, top to bottom
        ([1, 0, 0, 0, 0, -1], "right"),  # coronal
        ([-1, 0, 0, 0, 0, -1], "left"),  # coronal from behind
        ([0, 1, 0, 0, 0, -1], None),  # sagittal
        ([0, -1, 0, 0, 0, -1], None),
        ([0, 1, 0, -1, 0, 0], None),  # left and right at top and bottom
        (turned(30), "right"),
        (turned(150), "left"),
        (turned(80), None),
    ],
)
def test_of_slices(make_file, cosines, left):
    scan = open_scan(make_file("a.dcm", ImageOrientationPatient=[float(c) for c in cosines]))
    assert scan.patient_left == left
    assert scan.laterality == {"right": "patient", "left": "image", None: None}[left]


def test_what_is_told_of_odd_ones(make_file):
    oblique = open_scan(make_file("a.dcm", ImageOrientationPatient=turned(30)))
    assert oblique.notes == ("the picture is oblique: its rows lie 30 degrees off the patient's left-right axis",)
    upright = open_scan(make_file("b.dcm", ImageOrientationPatient=[0, 1, 0, -1, 0, 0]))
    assert upright.notes == ("the patient's left and right are at the top and bottom of the picture, not at its sides",)


@pytest.mark.parametrize(
    "cosines", [[0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0], [float("nan"), 0, 0, 0, 1, 0], None]
)
def test_nonsense_is_no_orientation(make_file, cosines):
    scan = open_scan(make_file("a.dcm", ImageOrientationPatient=cosines))
    assert (scan.patient_left, scan.source.affine) == (None, None)


FILM = {"Modality": "CR", "ImagePositionPatient": None, "ImageOrientationPatient": None}
LATERAL = Dataset()
LATERAL.CodeValue, LATERAL.CodingSchemeDesignator, LATERAL.CodeMeaning = "399067008", "SCT", "lateral"


@pytest.mark.parametrize(
    "header, left",
    [
        ({"PatientOrientation": ["L", "F"]}, "right"),
        ({"PatientOrientation": ["R", "F"]}, "left"),
        ({"PatientOrientation": ["LA", "FR"]}, "right"),
        ({"PatientOrientation": ["A", "F"]}, None),
        ({"PatientOrientation": ["P", "F"], "ViewPosition": "LL"}, None),
        ({"PatientOrientation": ["R", "F"], "ViewPosition": "PA"}, "left"),  # what is written goes before what is usual
        ({"ViewPosition": "PA"}, "right"),
        ({"ViewPosition": "AP"}, "right"),
        ({"ViewPosition": "LL"}, None),
        ({"ViewPosition": "RLD"}, None),
        ({"PatientOrientation": ["L", "F"], "ViewPosition": "LL"}, None),
        ({"PatientOrientation": ["L", "F"], "ViewCodeSequence": [LATERAL]}, None),
        ({"PatientOrientation": "L"}, None),
        ({"PatientOrientation": ["L", "R"]}, None),  # rows and columns stand at right angles
        ({"PatientOrientation": ["RF", "L"], "ViewPosition": "PA"}, None),
        ({}, None),
    ],
)
def test_of_films(make_file, header, left):
    assert open_scan(make_file("a.dcm", **FILM, **header)).patient_left == left


def test_what_is_taken_for_granted_is_told(make_file):
    usual = open_scan(make_file("a.dcm", **FILM, ViewPosition="PA"))
    assert any(
        "the view (PA) but no PatientOrientation: the film is taken to hang the usual way" in n for n in usual.notes
    )
    stated = open_scan(make_file("b.dcm", **FILM, ViewPosition="PA", PatientOrientation=["L", "F"]))
    assert not any("PatientOrientation" in note for note in stated.notes)
    odd = open_scan(make_file("c.dcm", **FILM, ViewPosition="LL", PatientOrientation=["L", "F"]))
    assert any("contradict each other" in note for note in odd.notes)


def test_nothing_of_the_patient_in_notes_or_errors(make_file):
    scan = open_scan(
        make_file("a.dcm", **FILM, ViewPosition="PA", PatientName="Doe^Jane", PatientID="4711", PixelSpacing=None)
    )
    assert scan.notes
    assert not any(word in " ".join(scan.notes) for word in ("Doe", "Jane", "4711"))
