"""Run lengths and polygons, against masks worked out by hand and strings that pycocotools wrote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexseg.datasets.importers.segments import decode_rle, draw_polygon, segment_mask
from lexseg.errors import DataError

# down the columns: 4 pixels of background, 2 of foreground (second column, lower two), 0 of background ...
BY_HAND = [[0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]]
FRAME = np.zeros((60, 50), bool)
FRAME[10:50, 5:45] = True
FRAME[20:30, 15:25] = False
# as pycocotools 2 encodes it
FRAME_STRING = (
    "f9X1d0000000000000000000ROF::FF::FF::FF::FF::FF::FF::FF::FF::FF::d000000000000000000000000000000000000000R9"
)


def counts_of(mask):
    """Run lengths, the slow way."""
    counts, value, run = [], False, 0
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(run)
            value, run = pixel, 0
        run += 1
    return [*counts, run]


def string_of(counts):
    """COCO's string, from its description: groups of five bits, differences from the fourth number on."""
    text = ""
    for index, count in enumerate(counts):
        value = count - (counts[index - 2] if index > 2 else 0)
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | (32 if more else 0)))
            if not more:
                break
    return text


@pytest.mark.parametrize("counts", [[4, 3, 5], "435"])
def test_by_hand(counts):
    assert decode_rle(counts, (3, 4)).tolist() == np.array(BY_HAND, bool).tolist()


def test_a_string_of_pycocotools():
    assert np.array_equal(decode_rle(FRAME_STRING, (60, 50)), FRAME)
    assert np.array_equal(decode_rle(FRAME_STRING.encode(), (60, 50)), FRAME)
    assert decode_rle("04", (2, 2)).all()


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_what_is_encoded_is_decoded(height, width, data):
    pixels = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(pixels).reshape(height, width)
    counts = counts_of(mask)
    assert np.array_equal(decode_rle(counts, mask.shape), mask)
    assert np.array_equal(decode_rle(string_of(counts), mask.shape), mask)


@given(st.lists(st.integers(0, 100_000), min_size=2, max_size=8))
def test_long_runs(counts):
    """Numbers of several groups, and negative differences."""
    size = (1, sum(counts)) if sum(counts) else (1, 1)
    counts = counts if sum(counts) else [1]
    assert np.array_equal(decode_rle(string_of(counts), size), decode_rle(counts, size))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([4, 3, 4], "cover 11 pixels, but the image has 3 x 4 = 12"),
        ([4, -3, 11], "hold -3; expected numbers of pixels"),
        ([], "no whole numbers"),
        (None, "no whole numbers"),
        ([4.5, 7.5], "no whole numbers"),
        ("43", "cover 7 pixels"),
        ("4\x7f", "character"),
        ("4P", "middle of a number"),
        ("", "cover 0"),
    ],
)
def test_run_lengths_that_are_wrong(counts, words):
    with pytest.raises(DataError, match=words):
        decode_rle(counts, (3, 4))


def test_a_huge_mask_is_refused():
    with pytest.raises(DataError, match="million"):
        decode_rle([10**12], (10**6, 10**6))


def test_a_polygon_covers_the_pixels_whose_centres_it_covers():
    mask = draw_polygon([1, 1, 5, 1, 5, 3, 1, 3], (6, 7))
    assert np.argwhere(mask).tolist() == [[r, c] for r in (1, 2) for c in (1, 2, 3, 4)]
    assert np.array_equal(mask, draw_polygon([[1, 1], [5, 1], [5, 3], [1, 3]], (6, 7)))
    # half a pixel further right: column 1 is lost, column 5 is won
    assert np.flatnonzero(draw_polygon([1.6, 1, 5.6, 1, 5.6, 3, 1.6, 3], (6, 7))[1]).tolist() == [2, 3, 4, 5]


def test_a_polygon_agrees_with_a_second_implementation():
    from matplotlib.path import Path

    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:40, 0:50]
    centres = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    for _ in range(20):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        points = np.array([25, 20]) + rng.uniform(5, 30, (9, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        expected = Path([*points, points[0]], closed=True).contains_points(centres).reshape(40, 50)
        assert expected.any()
        assert np.array_equal(draw_polygon(points.ravel().tolist(), (40, 50)), expected)


def test_polygons_outside_the_image_are_cut():
    assert draw_polygon([-5, -5, 3, -5, 3, 3, -5, 3], (4, 4)).sum() == 9
    assert not draw_polygon([10, 10, 12, 10, 12, 12], (4, 4)).any()


@pytest.mark.parametrize(
    "polygon", [[], [1, 2, 3, 4], [1, 2, 3], [0, 0, 1, float("nan"), 2, 2], "abc", None, [["a", 1]]]
)
def test_no_polygons(polygon):
    with pytest.raises(DataError, match="polygon"):
        draw_polygon(polygon, (4, 4))


def test_segmentations_of_every_kind():
    square, other = [0, 0, 2, 0, 2, 2, 0, 2], [3, 0, 4, 0, 4, 4, 3, 4]
    assert segment_mask([square, other], (4, 4)).sum() == 8
    assert segment_mask(square, (4, 4)).sum() == 4
    assert segment_mask([[0, 0], [2, 0], [2, 2], [0, 2]], (4, 4)).sum() == 4
    assert segment_mask({"size": [3, 4], "counts": "435"}, (3, 4)).sum() == 3
    assert segment_mask({"counts": [4, 3, 5]}, (3, 4)).sum() == 3


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        ({"size": [4, 3], "counts": "435"}, "the mask is 4 x 3 pixels, but the image is 3 x 4"),
        ({"size": "big", "counts": "435"}, "size is 'big'"),
        ({"size": [3, 4]}, "no 'counts'"),
        ([], "neither run lengths"),
        (7, "neither run lengths"),
    ],
)
def test_segmentations_that_are_none(segment, words):
    with pytest.raises(DataError, match=words):
        segment_mask(segment, (3, 4))
