"""Multi-frame files whose frames say for themselves where they lie."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lexseg.errors import DataError
from lexseg.scans import open_scan


def group(keyword, **values):
    """A sequence of one item."""
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    holder = Dataset()
    setattr(holder, keyword, [item])
    return holder


def merged(*parts):
    whole = Dataset()
    for part in parts:
        whole.update(part)
    return whole


@pytest.fixture
def make_enhanced(make_file, real_ct):
    """An enhanced CT: real slices, each a little brighter, with everything said in functional groups."""

    def make(positions, cosines=None, slopes=None, **changes):
        values = real_ct.pixel_array
        shared = merged(
            group("PixelMeasuresSequence", PixelSpacing=[0.7, 0.6], SliceThickness=5),
            group("FrameVOILUTSequence", WindowCenter=50, WindowWidth=350, WindowCenterWidthExplanation="SOFT"),
        )
        frames = []
        for index, position in enumerate(positions):
            turn = (cosines or [[1, 0, 0, 0, 1, 0]] * len(positions))[index]
            slope = (slopes or [1] * len(positions))[index]
            frames.append(
                merged(
                    group("PlanePositionSequence", ImagePositionPatient=position),
                    group("PlaneOrientationSequence", ImageOrientationPatient=turn),
                    group(
                        "PixelValueTransformationSequence", RescaleSlope=slope, RescaleIntercept=-1024, RescaleType="HU"
                    ),
                )
            )
        return make_file(
            "enhanced.dcm",
            **{
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1",
                "NumberOfFrames": len(positions),
                "PixelData": b"".join((values + index).tobytes() for index in range(len(positions))),
                "SharedFunctionalGroupsSequence": [shared],
                "PerFrameFunctionalGroupsSequence": frames,
                "ImagePositionPatient": None,
                "ImageOrientationPatient": None,
                "PixelSpacing": None,
                "RescaleSlope": None,
                "RescaleIntercept": None,
                "WindowCenter": None,
                **changes,
            },
        )

    return make


def test_everything_from_the_groups(make_enhanced, real_ct):
    scan = open_scan(make_enhanced([[-100, -90, 3.0 * index] for index in range(4)], slopes=[1, 2, 1, 1]))
    assert (scan.shape, scan.spacing, scan.thickness, scan.patient_left) == ((4, 128, 128), (0.7, 0.6), 3.0, "right")
    assert (scan.windows[0].name, scan.windows[0].width, scan.windows[0].level) == ("soft", 350, 50)
    for frame, slope in enumerate([1, 2, 1, 1]):
        assert np.array_equal(scan.values(frame), ((real_ct.pixel_array + frame) * slope - 1024.0).astype(np.float32))
    assert np.allclose(scan.source.affine @ [10, 20, 3, 1], [-94, -76, 9, 1])
    assert scan.notes == ()


def test_against_itk(make_enhanced):
    sitk = pytest.importorskip("SimpleITK")
    path = make_enhanced([[-100, -90, 3.0 * index] for index in range(4)])
    image, scan = sitk.ReadImage(path), open_scan(path)
    assert image.GetSpacing() == pytest.approx((0.6, 0.7, 3.0))
    assert np.array_equal(sitk.GetArrayFromImage(image), np.stack([scan.values(frame) for frame in range(4)]))
    for index in [(0, 0, 0), (5, 7, 2)]:
        assert np.allclose((scan.source.affine @ [*index, 1])[:3], image.TransformIndexToPhysicalPoint(index))


def test_frames_from_head_to_foot_are_sorted_as_slices_are(make_enhanced, real_ct):
    scan = open_scan(make_enhanced([[-100, -90, -3.0 * index] for index in range(4)]))
    assert scan.thickness == 3.0
    assert (scan.source.affine @ [0, 0, 0, 1]).tolist() == [-100, -90, -9, 1]
    assert (scan.source.affine @ [0, 0, 3, 1]).tolist() == [-100, -90, 0, 1]
    for frame in range(4):
        assert np.array_equal(scan.values(frame), real_ct.pixel_array + (3 - frame) - 1024.0)


@pytest.mark.parametrize(
    "positions, note",
    [
        ([[0, 0, 0.0], [0, 0, 5.0], [0, 0, 0.0], [0, 0, 5.0]], "not sorted by place"),
        ([[0, 0, 0.0]] * 4, "several frames lie at one place (times, phases or echoes)"),
        ([[0, 0, 0.0], [0, 0, 5.0], [0, 0, 11.0], [0, 0, 16.0]], "not evenly spaced (5 to 6 mm)"),
    ],
)
def test_frames_that_are_no_stack(make_enhanced, positions, note):
    scan = open_scan(make_enhanced(positions))
    assert scan.shape[0] == 4 and scan.thickness is None and scan.source.affine is None
    assert any(note in found for found in scan.notes)


def test_frames_of_two_sides(make_enhanced):
    positions = [[0, 0, 5.0 * index] for index in range(2)]
    scan = open_scan(make_enhanced(positions, cosines=[[1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, -1, 0]]))
    assert scan.patient_left is None
    assert any("not at the same side of all frames" in note for note in scan.notes)


def test_a_biplane_film_is_two_frames(make_file, real_ct):
    values = real_ct.pixel_array
    data = values.tobytes() + values[::-1].tobytes()
    film = {"Modality": "XA", "ImagePositionPatient": None, "ImageOrientationPatient": None}
    scan = open_scan(make_file("a.dcm", NumberOfFrames=2, PixelData=data, **film))
    assert (scan.shape, scan.is_volume, scan.thickness) == ((2, 128, 128), True, None)
    assert np.array_equal(scan.values(1), scan.values(0)[::-1])


def test_more_frames_than_pixels(make_file):
    with pytest.raises(
        DataError, match=r"cut short: 100 frames of 128 x 128 pixels take 3,276,800 bytes, the file holds 32"
    ):
        open_scan(make_file("a.dcm", NumberOfFrames=100))


def test_the_header_of_each_frame_is_found(make_enhanced):
    scan = open_scan(make_enhanced([[-100, -90, 3.0 * index] for index in range(2)]))
    assert len(scan.source.headers) == 1
    assert isinstance(scan.source.dataset(1), pydicom.Dataset)
    assert "PixelData" not in scan.source.dataset(1)
