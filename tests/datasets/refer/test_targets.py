"""Masks become targets: components, instances, classes that overlap."""

import numpy as np
import pytest

from lexseg.datasets.refer.targets import CrowdedError, classes, classes_of_values, components, instances
from lexseg.errors import DataError


def test_touching_corners_are_one_target():
    mask = np.zeros((4, 4), bool)
    mask[0, 0] = mask[1, 1] = mask[3, 3] = True
    found = components(mask)
    assert len(found) == 2
    assert found.labels[0, 0] == found.labels[1, 1] != found.labels[3, 3]


def test_an_empty_mask_has_no_targets():
    assert len(components(np.zeros((3, 3), bool))) == 0
    assert len(instances(np.zeros((3, 3), np.uint8))) == 0


def test_instances_keep_touching_lesions_apart_and_are_numbered_in_order():
    found = instances(np.array([[0, 7, 7], [3, 7, 0]], np.uint16))
    assert found.labels.tolist() == [[0, 2, 2], [1, 2, 0]]
    assert found.values == (3, 7)


def test_a_mask_without_background_has_instances_all_the_same():
    assert instances(np.array([[5, 9]])).labels.tolist() == [[1, 2]]


@pytest.mark.parametrize("values", [[[-1, 0]], [[0.5, 0.0]]])
def test_values_that_number_nothing_are_refused(values):
    with pytest.raises(DataError, match="whole numbers"):
        instances(np.array(values))


def test_more_classes_than_can_be_told_apart_are_refused():
    masks = {f"c{k}": np.arange(70)[None] == k for k in range(70)}
    with pytest.raises(DataError, match="70 classes; at most 63"):
        classes(masks)
    assert len(classes({name: masks[name] for name in list(masks)[:63]})) == 63


def test_classes_that_overlap_fall_into_pieces_that_belong_to_both():
    infection = np.zeros((6, 6), bool)
    infection[1:5, 1:5] = True
    dense = np.zeros((6, 6), bool)
    dense[3:5, 1:5] = True
    apart = np.zeros((6, 6), bool)
    apart[0, 0] = False
    found = classes({"infection": infection, "dense": dense, "nothing": apart})
    assert sorted(map(sorted, found.classes)) == [["dense", "infection"], ["infection"]]
    # the pieces of a class are exactly its mask
    for name, mask in (("infection", infection), ("dense", dense)):
        ids = [i for i, names in enumerate(found.classes, start=1) if name in names]
        assert np.array_equal(np.isin(found.labels, ids), mask)
    # of both pieces the infection is cut, so neither can be counted
    assert found.whole == (False, False)


def test_classes_apart_are_whole():
    values = np.array([[1, 0, 2], [1, 0, 2], [0, 0, 0], [1, 0, 0]])
    found = classes_of_values(values, {1: "cyst"})
    assert [sorted(names) for names in found.classes] == [["cyst"], ["cyst"], ["class 2"]]
    assert found.whole == (True, True, True)


def test_values_of_one_name_are_one_class():
    values = np.array([[1, 2, 0], [0, 0, 0], [0, 0, 2]])
    found = classes_of_values(values, {1: "tumor", 2: "tumor"})
    assert [sorted(names) for names in found.classes] == [["tumor"], ["tumor"]]
    assert found.labels.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 2]]


def test_instances_taken_for_classes_are_noticed():
    with pytest.raises(DataError, match="are they instances"):
        classes_of_values(np.arange(100).reshape(10, 10), {})


def test_noise_is_told_from_lesions():
    noise = np.zeros((600, 600), bool)
    noise[::2, ::2] = True
    with pytest.raises(CrowdedError, match="90000 targets"):
        components(noise)
