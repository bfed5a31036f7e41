"""A PACS for the tests of this room."""

import pydicom
import pytest

import components
from pacs.faults import Between
from pacs.orthanc import PASSWORD, USER, running


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory):
    """A real Orthanc; studies that are put into it stay for all tests."""
    with running(components.orthanc(), tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def between(orthanc):
    """A server between us and Orthanc, to break things at."""
    with Between(orthanc.port) as server:
        yield server


@pytest.fixture
def known(monkeypatch):
    """The environment of a user whom Orthanc knows."""
    for name in ("LEXSEG_PACS_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEXSEG_PACS_USER", USER)
    monkeypatch.setenv("LEXSEG_PACS_PASSWORD", PASSWORD)


@pytest.fixture(scope="session")
def phantom(orthanc, tmp_path_factory):
    """A CT study of five slices in Orthanc: (UID of the study, UID of the series, data sets)."""
    source = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    source.StudyInstanceUID, source.SeriesInstanceUID = "1.2.840.99.5", "1.2.840.99.5.1"
    folder, slices = tmp_path_factory.mktemp("phantom"), []
    for number in range(5):
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = f"1.2.840.99.5.1.{number}"
        source.InstanceNumber, source.ImagePositionPatient[2] = number + 1, 10.0 - 5 * number
        source.save_as(folder / f"{number}.dcm")
        slices.append(pydicom.dcmread(folder / f"{number}.dcm"))
    orthanc.put(*sorted(folder.glob("*.dcm")))
    return source.StudyInstanceUID, source.SeriesInstanceUID, slices
