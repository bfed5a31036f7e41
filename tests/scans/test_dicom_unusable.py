"""A number that stands in a header and cannot be used is said to be so; it is never taken for absent."""

import pydicom
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from dicom_made import basic, enhanced, film
from lexseg.errors import DataError
from lexseg.scans import open_scan


@pytest.fixture
def rewritten(make_file, tmp_path):
    """The real CT slice, one tag of it written as it is not meant to be."""

    def make(keyword, vr, value, **others):
        dataset = pydicom.dcmread(make_file("plain.dcm", **others))
        tag = Tag(tag_for_keyword(keyword))
        dataset._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
        dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
        return tmp_path / "x.dcm"

    return make


@pytest.mark.parametrize(
    "keyword, vr, value",
    [
        ("RescaleIntercept", "DS", b"-1024,0 "),
        ("RescaleIntercept", "DS", b"-1024\\0 "),
        ("RescaleIntercept", "LO", b"minus a thousand"),
        ("RescaleIntercept", "DS", b"nan "),
        ("RescaleSlope", "DS", b"1,5 "),
        ("BitsStored", "LO", b"twelve"),
        ("PixelRepresentation", "LO", b"signed"),
        ("NumberOfFrames", "IS", b"two "),
        ("Rows", "DS", b"127.5 "),
    ],
)
def test_what_the_values_hang_on_is_refused_by_its_name(rewritten, keyword, vr, value):
    with pytest.raises(DataError, match=rf"x\.dcm: {keyword} \([0-9A-F]{{4}},[0-9A-F]{{4}}\) stands in the header"):
        open_scan(rewritten(keyword, vr, value))


@pytest.mark.parametrize(
    "keyword, vr, value",
    [
        ("PixelSpacing", "DS", b"0,8\\1,3 "),
        ("PixelSpacing", "DS", b"0.8 "),
        ("PixelSpacing", "DS", b"0\\0 "),
        ("SliceThickness", "DS", b"3 mm"),
        ("ImagePositionPatient", "DS", b"-30\\-20,5\\1"),
        ("ImageOrientationPatient", "DS", b"1\\0\\0\\0\\1 "),
        ("PixelPaddingValue", "LO", b"none"),
        ("WindowCenter", "DS", b"40,5"),
        ("InstanceNumber", "DS", b"1.5 "),
    ],
)
def test_what_can_be_done_without_is_told_by_its_name(rewritten, keyword, vr, value):
    scan = open_scan(rewritten(keyword, vr, value))
    (note,) = [note for note in scan.notes if keyword in note]
    assert "stands in the header, but is not" in note
    assert value.decode() not in note  # it may tell of the patient


def test_a_number_in_another_form_is_still_that_number(rewritten, make_file, real_ct):
    shift = str(real_ct.RescaleIntercept).encode()
    expected = open_scan(make_file("b.dcm")).values(0)
    for vr in ("LO", "UN"):
        scan = open_scan(rewritten("RescaleIntercept", vr, shift + b" " * (len(shift) % 2)))
        assert (scan.values(0) == expected).all() and scan.notes == ()


def test_of_frames_and_regions_and_films_too(tmp_path, real_ct):
    values = real_ct.pixel_array
    file = enhanced(tmp_path / "e.dcm", values[None].repeat(3, axis=0))
    scale = pydicom.Dataset()
    scale.RescaleSlope = "1"
    scale.add_new(0x00281052, "LO", "-1024,0")
    file.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = [scale]
    file.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    with pytest.raises(DataError, match="RescaleIntercept"):
        open_scan(tmp_path / "e.dcm")

    film(tmp_path / "f.dcm", values.astype("u1"), orientation=["L"])
    assert any("PatientOrientation (0020,0020)" in note for note in open_scan(tmp_path / "f.dcm").notes)

    region = pydicom.Dataset()
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.add_new(0x0018602C, "LO", "0,04")
    region.PhysicalDeltaY = 0.04
    sonogram = basic("1.2.840.10008.5.1.4.1.1.6.1", "US", values.astype("u1"))
    sonogram.SequenceOfUltrasoundRegions = [region]
    sonogram.save_as(tmp_path / "u.dcm", enforce_file_format=True)
    assert any("PhysicalDeltaX" in note for note in open_scan(tmp_path / "u.dcm").notes)


def test_a_slope_of_nothing_and_half_a_window_are_told(make_file):
    assert any("RescaleSlope" in note for note in open_scan(make_file("a.dcm", RescaleSlope=0)).notes)
    scan = open_scan(make_file("b.dcm", WindowCenter=[40, 50], WindowWidth=400))
    assert any("a window of the header is of no use" in note for note in scan.notes)
