import json

import numpy as np
import pytest
from scipy import ndimage

from lexseg.predict.segmentation import describe_mask, labelled


def test_areas_boxes_and_components():
    mask = np.zeros((20, 30), bool)
    mask[2:6, 3:10] = True  # 28 pixels
    mask[15, 20] = mask[16, 21] = True  # touch at a corner: one component
    probability = np.where(mask, np.float32(0.75), np.float32(0.1))
    found = describe_mask(mask, probability, (0.5, 2.0))
    assert found["area"] == {"px": 30, "mm2": 30.0, "fraction": 0.05}
    assert found["box"] == [2, 3, 15, 19]
    assert found["n_components"] == 2
    large, small = found["components"]
    assert large["area"]["px"] == 28 and large["box"] == [2, 3, 4, 7] and large["centroid"] == [3.5, 6.0]
    assert small["area"]["px"] == 2 and small["box"] == [15, 20, 2, 2] and small["probability"] == 0.75
    json.dumps(found)


def test_components_are_scipys():
    random = np.random.default_rng(0)
    for _ in range(300):
        mask = random.random(random.integers(1, 40, 2)) < random.random()
        if not mask.any():
            continue
        labels, sizes, boxes = labelled(mask)
        wanted, count = ndimage.label(mask, structure=np.ones((3, 3)))
        assert np.array_equal(labels, wanted)
        assert sizes.tolist() == np.bincount(wanted.ravel(), minlength=count + 1)[1:].tolist()
        assert [boxes(i) for i in range(count)] == ndimage.find_objects(wanted)


def test_a_long_snake_is_one_component():
    mask = np.zeros((401, 401), bool)
    mask[::2] = True
    mask[1::4, -1] = mask[3::4, 0] = True
    assert describe_mask(mask)["n_components"] == 1


def test_an_empty_mask():
    found = describe_mask(np.zeros((4, 4), bool), spacing=(1, 1))
    assert found == {
        "area": {"px": 0, "mm2": 0.0, "fraction": 0.0},
        "box": None,
        "n_components": 0,
        "components": [],
    }


def test_without_spacing_there_are_no_millimetres():
    assert describe_mask(np.ones((2, 2), bool))["area"]["mm2"] is None


def test_only_the_largest_are_described_but_all_are_counted():
    mask = np.zeros((1, 400), bool)
    mask[0, ::2] = True
    mask[0, 100:105] = True
    found = describe_mask(mask, most=3)
    assert found["n_components"] == 200 - 2 and len(found["components"]) == 3
    assert found["components"][0]["area"]["px"] == 5
    assert found["area"]["px"] == pytest.approx(mask.sum())


def test_components_do_not_borrow_pixels_of_others_in_their_box():
    mask = np.zeros((9, 9), bool)
    mask[0, :] = mask[:, 0] = True  # an angle, whose box holds the square
    mask[4:6, 4:6] = True
    angle, square = describe_mask(mask)["components"]
    assert angle["area"]["px"] == 17 and square["area"]["px"] == 4


def test_a_mask_in_a_corner_lies_where_it_lay():
    """What is outside of the box around the mask is not looked at, and moves nothing."""
    part = np.random.default_rng(0).random((9, 7)) > 0.6
    part[0, 3] = part[-1, 3] = part[4, 0] = part[4, -1] = True
    own = describe_mask(part, part.astype(np.float32) / 2)
    for top, left in ((0, 0), (5, 11), (0, 13)):
        mask = np.zeros((14, 20), bool)
        mask[top : top + 9, left : left + 7] = part
        found = describe_mask(mask, mask.astype(np.float32) / 2)
        assert found["box"] == [top, left, 9, 7] and found["n_components"] == own["n_components"]
        for each, known in zip(found["components"], own["components"], strict=True):
            assert each["box"] == [known["box"][0] + top, known["box"][1] + left, *known["box"][2:]]
            assert each["centroid"] == pytest.approx([known["centroid"][0] + top, known["centroid"][1] + left])
            assert each["area"]["px"] == known["area"]["px"] and each["probability"] == known["probability"] == 0.5
