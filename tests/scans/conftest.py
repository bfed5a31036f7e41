"""DICOM files made from real ones."""

import copy

import pydicom
import pytest
from pydicom.uid import generate_uid

from real_dicom import FILES


@pytest.fixture(scope="session")
def real_ct():
    """A CT slice of 128 x 128 pixels, signed, with slope and intercept."""
    return pydicom.dcmread(FILES / "CT_small.dcm")


@pytest.fixture
def make_file(tmp_path, real_ct):
    """``make_file("a.dcm", Rows=1)``: a file like the real CT slice, but for what is named; ``None`` deletes it."""

    def make(name, base=None, **changes):
        dataset = copy.deepcopy(base or real_ct)
        if "SOPInstanceUID" not in changes:
            changes["SOPInstanceUID"] = generate_uid()
        for keyword, value in changes.items():
            if value is None:
                if keyword in dataset:
                    delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return make


@pytest.fixture
def make_series(make_file):
    """``make_series([0, 5, 10])``: a folder of slices at these heights, in millimetres; row 0 counts the slices."""

    def make(heights, folder="series", **changes):
        for number, height in enumerate(heights):
            slice_ = {"ImagePositionPatient": [-158.0, -179.0, float(height)], "InstanceNumber": number + 1}
            path = make_file(f"{folder}/{(number * 7) % 101:03d}", **{**slice_, **changes})  # names in another order
        return path.parent

    return make
