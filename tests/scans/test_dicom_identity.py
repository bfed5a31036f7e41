"""What belongs together, and what is the same, is never told by one identifier alone."""

import numpy as np
import pydicom
import pytest

from dicom_made import enhanced
from lexseg.errors import DataError
from lexseg.scans import open_scan, open_scans


def changed(folder, change):
    """Have every file of a folder changed: ``change(dataset, number)``, by the order of their places."""
    paths = sorted(folder.iterdir(), key=lambda path: float(pydicom.dcmread(path).ImagePositionPatient[2]))
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        change(dataset, number)
        dataset.save_as(path)
    return folder


def rows(scan):
    return [scan.values(frame) for frame in range(scan.shape[0])]


class TestOneIdentifierForSeveralImages:
    def test_other_places(self, make_series):
        scan = open_scan(make_series([0, 5, 10, 15], SOPInstanceUID="1.2.3"))
        assert scan.shape[0] == 4 and scan.thickness == 5
        assert scan.notes == ("4 slices share a SOPInstanceUID with another, but are different images: all are kept",)

    def test_other_pixels_without_a_place(self, make_series, real_ct):
        def change(dataset, number):
            del dataset.ImagePositionPatient
            dataset.PixelData = (real_ct.pixel_array + number).tobytes()

        folder = changed(make_series([0, 5, 10], SOPInstanceUID="1.2.3"), change)
        scan = open_scan(folder)
        assert [float(values[0, 0] - rows(scan)[0][0, 0]) for values in rows(scan)] == [0, 1, 2]

    def test_true_copies_still_count_once(self, make_series, make_file):
        folder = make_series([0, 5, 10])
        for path in list(folder.iterdir()):
            (folder / f"copy_{path.name}").write_bytes(path.read_bytes())
        scan = open_scan(folder)
        assert scan.shape[0] == 3
        assert scan.notes == ("3 files left out: copies of another (same SOPInstanceUID)",)

    def test_one_image_of_another_window_is_a_copy_but_of_other_values_is_none(self, make_series):
        folder = make_series([0, 5, 10])
        first = sorted(folder.iterdir())[0]
        dataset = pydicom.dcmread(first)
        dataset.PixelData = (dataset.pixel_array + 1).tobytes()
        dataset.save_as(folder / "other")
        # both lie at one place, which is told as of any two images
        assert any("at the place of another slice" in note for note in open_scan(folder).notes)


@pytest.mark.parametrize("series", ["1.2.5", ""])
class TestSeveralOfOneSeries:
    def test_two_patients(self, make_series, series):
        def change(dataset, number):
            dataset.PatientID, dataset.SeriesInstanceUID = f"p{number % 2}", series

        folder = changed(make_series([0, 5, 10, 15]), change)
        with pytest.raises(DataError, match="of several patients or studies"):
            open_scan(folder)
        assert [scan.shape[0] for scan in open_scans(folder)] == [2, 2]

    def test_two_studies(self, make_series, series):
        def change(dataset, number):
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.{number % 2 + 7}", series

        folder = changed(make_series([0, 5, 10, 15]), change)
        with pytest.raises(DataError, match="of several patients or studies"):
            open_scan(folder)

    def test_two_frames_of_reference(self, make_series, series):
        def change(dataset, number):
            dataset.FrameOfReferenceUID, dataset.SeriesInstanceUID = f"1.2.{number % 2 + 7}", series

        folder = changed(make_series([0, 5, 10, 15]), change)
        with pytest.raises(DataError, match="2 frames of reference, between which places cannot be compared"):
            open_scan(folder)

    def test_a_frame_of_reference_for_every_slice_is_told(self, make_series, series):
        def change(dataset, number):
            dataset.FrameOfReferenceUID, dataset.SeriesInstanceUID = f"1.2.{number + 7}", series

        scan = open_scan(changed(make_series([0, 5, 10]), change))
        assert scan.shape[0] == 3
        assert any("several frames of reference" in note for note in scan.notes)


class TestFramesOfOneFile:
    def test_are_sorted_by_place(self, tmp_path, real_ct):
        values = np.stack([real_ct.pixel_array + k for k in range(6)])
        file = enhanced(tmp_path / "a.dcm", values)
        order = [3, 0, 5, 1, 4, 2]
        for group, place in zip(file.PerFrameFunctionalGroupsSequence, order, strict=True):
            group.PlanePositionSequence[0].ImagePositionPatient = ["-40", "-30", str(place * 2.5)]
        file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        scan = open_scan(tmp_path / "a.dcm")
        assert [float(found[0, 0] - values[0, 0, 0]) for found in rows(scan)] == list(np.argsort(order))
        assert scan.thickness == 2.5 and scan.source.affine[2, 3] == 0
        assert any("sorted by place" in note for note in scan.notes)

    @pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0, 5, 1, 4, 2]])
    def test_are_the_same_volume_as_the_slices_of_a_series(self, tmp_path, make_series, real_ct, order):
        """However the frames are stored: one file and a series of the same slices are one scan."""
        single = open_scan(make_series([2.5 * place for place in range(6)]))
        values = np.stack([real_ct.pixel_array + place for place in order])
        file = enhanced(tmp_path / "a.dcm", values)
        for group, place in zip(file.PerFrameFunctionalGroupsSequence, order, strict=True):
            group.PlanePositionSequence[0].ImagePositionPatient = ["-40", "-30", str(place * 2.5)]
        file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        whole = open_scan(tmp_path / "a.dcm")
        first = [float(whole.values(frame)[0, 0] - whole.values(0)[0, 0]) for frame in range(6)]
        assert first == [0, 1, 2, 3, 4, 5] and whole.thickness == single.thickness
        heights = [scan.source.affine[2, 2] for scan in (whole, single)]
        assert heights[0] == heights[1] > 0

    def test_of_several_times_each_volume_is_sorted_by_place(self, tmp_path, real_ct):
        values = np.stack([real_ct.pixel_array + k for k in range(6)])
        file = enhanced(tmp_path / "a.dcm", values)
        for number, group in enumerate(file.PerFrameFunctionalGroupsSequence):
            group.PlanePositionSequence[0].ImagePositionPatient = ["-40", "-30", str((2 - number % 3) * 2.5)]
        file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        whole = open_scan(tmp_path / "a.dcm")
        assert [float(found[0, 0] - values[0, 0, 0]) for found in rows(whole)] == [2, 1, 0, 5, 4, 3]
        assert any("each sorted by place; --channel 0 to 1" in note for note in whole.notes)

    def test_of_several_times_one_can_be_chosen(self, tmp_path, real_ct):
        values = np.stack([real_ct.pixel_array + k for k in range(6)])
        file = enhanced(tmp_path / "a.dcm", values)
        for number, group in enumerate(file.PerFrameFunctionalGroupsSequence):
            group.PlanePositionSequence[0].ImagePositionPatient = ["-40", "-30", str(number % 3 * 2.5)]
        file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        whole = open_scan(tmp_path / "a.dcm")
        assert whole.shape[0] == 6 and any("--channel 0 to 1 chooses" in note for note in whole.notes)
        late = open_scan(tmp_path / "a.dcm", channel=1)
        assert [float(found[0, 0] - values[0, 0, 0]) for found in rows(late)] == [3, 4, 5]
        assert late.thickness == 2.5
        with pytest.raises(DataError, match="no channel 2: the file holds 2 frames at each place"):
            open_scan(tmp_path / "a.dcm", channel=2)
