"""Slices into volumes: their order, what is missing or too much, and what is no volume."""

import numpy as np
import pytest
from pydicom.uid import generate_uid

from lexseg.errors import DataError
from lexseg.scans import open_scan, open_scans

UP = [0.0, 5.0, 10.0, 15.0]


def heights(scan):
    return [float(dataset.ImagePositionPatient[2]) for dataset in scan.source.datasets]


class TestOrder:
    def test_by_place_not_by_name_or_number(self, make_series):
        scan = open_scan(make_series([10, 0, 15, 5]))
        assert heights(scan) == UP
        assert (scan.shape, scan.thickness, scan.notes) == ((4, 128, 128), 5.0, ())

    def test_equal_numbers_do_no_harm(self, make_series):
        assert heights(open_scan(make_series([10, 0, 15, 5], InstanceNumber=1))) == UP

    def test_along_the_normal_where_columns_are_turned_over(self, make_series):
        # the normal of (right to left, back to front) looks to the feet, so the volume begins at the head
        scan = open_scan(make_series(UP, ImageOrientationPatient=[1, 0, 0, 0, -1, 0]))
        assert heights(scan) == UP[::-1]
        assert np.linalg.det(scan.source.affine[:3, :3]) > 0

    def test_without_places_by_number(self, make_file):
        for number in (3, 1, 2):
            make_file(f"s/{9 - number}", ImagePositionPatient=None, InstanceNumber=number)
        scan = open_scan(make_file("s/x", ImagePositionPatient=None, InstanceNumber=4).parent)
        assert [int(dataset.InstanceNumber) for dataset in scan.source.datasets] == [1, 2, 3, 4]
        assert scan.thickness is None and scan.source.affine is None
        assert any("in the order of their numbers" in note for note in scan.notes)

    def test_frames_are_read_from_the_right_files(self, make_file, real_ct):
        values = real_ct.pixel_array
        for number, height in enumerate([10, 0, 5]):
            position = [-158.0, -179.0, float(height)]
            path = make_file(f"s/{number}", ImagePositionPatient=position, PixelData=(values + height).tobytes())
        scan = open_scan(path.parent)
        for frame, height in enumerate([0, 5, 10]):
            assert np.array_equal(scan.values(frame), (values + height - 1024).astype(np.float32))


class TestOddities:
    def test_a_gap(self, make_series):
        scan = open_scan(make_series([0, 5, 15, 20]))
        assert scan.thickness is None and scan.source.affine is None
        assert any("not evenly spaced (5 to 10 mm): some may be missing" in note for note in scan.notes)

    def test_a_copy_is_left_out(self, make_series, make_file):
        folder = make_series(UP)
        first = sorted(folder.iterdir())[0]
        (folder / "again").write_bytes(first.read_bytes())
        scan = open_scan(folder)
        assert scan.shape[0] == 4
        assert any("1 file left out: copies of another" in note for note in scan.notes)

    def test_another_image_at_one_place(self, make_series, make_file):
        folder = make_series(UP)
        make_file("series/again", ImagePositionPatient=[-158.0, -179.0, 5.0], InstanceNumber=77)
        scan = open_scan(folder)
        assert heights(scan) == UP
        assert 77 not in [dataset.InstanceNumber for dataset in scan.source.datasets]
        assert any("1 image left out: at the place of another slice" in note for note in scan.notes)

    def test_two_echoes_are_told_apart_by_channel(self, make_series):
        folder = make_series([*UP, *UP], Modality="MR")
        with pytest.raises(DataError, match=r"holds 2 images at each place \(echoes, phases or times\); say which"):
            open_scan(folder)
        numbers = [[d.InstanceNumber for d in open_scan(folder, channel=c).source.datasets] for c in (0, 1)]
        assert numbers == [[1, 2, 3, 4], [5, 6, 7, 8]]
        with pytest.raises(DataError, match="no 2"):
            open_scan(folder, channel=2)

    def test_a_survey_picture_is_left_out(self, make_series, make_file):
        folder = make_series(UP)
        make_file("series/survey", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], Rows=64, Columns=256)
        scan = open_scan(folder)
        assert heights(scan) == UP
        assert any("1 survey picture (localizer) of the series left out" in note for note in scan.notes)

    def test_a_leaning_gantry_is_noted(self, make_file):
        for number in range(4):
            position = [0.0, -1.0 * number, 5.0 * number]
            path = make_file(f"s/{number}", ImagePositionPatient=position)
        scan = open_scan(path.parent)
        assert any("gantry tilt of 11.3 degrees" in note for note in scan.notes)
        assert scan.thickness == 5.0
        assert scan.source.affine[:3, 2].tolist() == [0, -1, 5]

    def test_slices_in_several_directions_are_no_volume(self, make_series, make_file):
        folder = make_series(UP)
        make_file("series/odd", ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
        with pytest.raises(DataError, match=r"several directions \(\d of 5 differ from the first\)"):
            open_scan(folder)

    def test_slices_of_several_sizes_are_no_volume(self, make_series, make_file):
        folder = make_series(UP)
        make_file("series/odd", Rows=64, Columns=256)
        with pytest.raises(DataError, match=r"differ in size \(4 of 128 x 128, 1 of 64 x 256\)"):
            open_scan(folder)

    def test_spacing_that_differs_is_no_spacing(self, make_series, make_file):
        folder = make_series(UP)
        make_file("series/last", ImagePositionPatient=[-158.0, -179.0, 20.0], PixelSpacing=[2, 2])
        scan = open_scan(folder)
        assert scan.spacing is None
        assert any("differ in their spacing" in note for note in scan.notes)


class TestNoVolume:
    def test_two_views_of_a_chest(self, make_file):
        film = {"Modality": "DX", "ImagePositionPatient": None, "ImageOrientationPatient": None}
        first = make_file("s/pa", ViewPosition="PA", **film)
        make_file("s/lat", ViewPosition="LL", **film)
        with pytest.raises(
            DataError, match="the series holds 2 pictures that are no volume; open one file, or say"
        ) as told:
            open_scan(first.parent)
        assert "give the files in place of their folder" in str(told.value)
        assert {scan.patient_left for scan in open_scans(first.parent)} == {"right", None}
        uid = open_scan(first).source.headers[0].instance
        assert open_scan(first.parent, series=uid).patient_left == "right"

    def test_two_series_and_one_is_chosen(self, make_series, make_file):
        folder = make_series(UP)
        other = generate_uid()
        make_file("series/other", SeriesInstanceUID=other, Modality="PT")
        with pytest.raises(DataError, match=f"holds 2 images or series.*{other}: PT, 1 image;") as told:
            open_scan(folder)
        assert "in place of their folder" not in str(told.value)
        assert open_scan(folder, series=other).modality == "PT"
        assert sorted(scan.shape[0] for scan in open_scans(folder)) == [1, 4]

    def test_reports_only(self, make_file):
        path = make_file("s/a", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
        with pytest.raises(DataError, match=r"holds a structured report \(SR\), but no image; give the images"):
            open_scan(path.parent)
        with pytest.raises(DataError, match=r"this is a structured report \(SR\), not an image"):
            open_scan(path)

    def test_nothing(self, tmp_path):
        (tmp_path / "notes.txt").write_text("none")
        with pytest.raises(DataError, match="holds no DICOM images"):
            open_scan(tmp_path)
        with pytest.raises(DataError, match="holds no DICOM images"):
            open_scans(tmp_path)
        with pytest.raises(DataError, match="there is no such file"):
            open_scan(tmp_path / "absent")


def test_an_index_of_a_disc_opens_what_lies_with_it(make_series, real_ct):
    import copy

    folder = make_series(UP)
    index = copy.deepcopy(real_ct)
    for element in list(index):
        del index[element.tag]
    index.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    index.FileSetID = "DISC"
    index.save_as(folder / "DICOMDIR", enforce_file_format=True)
    assert heights(open_scan(folder / "DICOMDIR")) == UP
    assert heights(open_scan(folder)) == UP


def test_hidden_and_empty_files_are_passed_over(make_series):
    folder = make_series(UP)
    (folder / ".DS_Store").write_bytes(b"\0" * 200)
    (folder / "empty").write_bytes(b"")
    assert open_scan(folder).shape[0] == 4
