"""Labelled images from a manifest, and what is wrong with them."""

import numpy as np
import pytest
from PIL import Image

from few_discs import write_set
from lexseg.errors import DataError
from lexseg.fewshot.labels import BESIDE, TARGET, UNKNOWN
from lexseg.fewshot.support import read_support


def test_sparse_labels_and_whole_masks_are_read(tmp_path):
    sparse = read_support(write_set(tmp_path, 2))
    assert set(np.unique(sparse[0].labels)) == {BESIDE, UNKNOWN, TARGET}
    whole = read_support(write_set(tmp_path, 2, dense=True))
    assert set(np.unique(whole[0].labels)) == {BESIDE, TARGET}
    drawn = read_support(write_set(tmp_path, 2, dense=True), labels="drawn")
    assert np.array_equal(drawn[0].labels, sparse[0].labels)
    assert sparse[0].text == "bright disc" and len({each.sha256 for each in sparse}) == 2


def _with(tmp_path, labels):
    path = write_set(tmp_path, 1)
    Image.fromarray(labels).save(tmp_path / "s0.png")
    return path


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.zeros((80, 80), np.uint8), "no pixel of the target"),
        (np.full((80, 80), 255, np.uint8), "no pixel beside it"),
        (np.full((80, 80), 127, np.uint8), "no pixel of the target"),
        (np.arange(6400, dtype=np.uint8).reshape(80, 80), "values; 0 \\(beside\\), 127"),
    ],
)
def test_labels_that_teach_nothing_are_refused_with_their_row(tmp_path, labels, told):
    with pytest.raises(DataError, match=told) as refused:
        read_support(_with(tmp_path, labels))
    assert "cases.csv" in str(refused.value) and "2" in str(refused.value)


def test_labels_of_another_size_are_refused(tmp_path):
    small = np.zeros((40, 80), np.uint8)
    small[3:9, 3:9] = 255
    with pytest.raises(DataError, match="40x80 pixels, the image 80x80"):
        read_support(_with(tmp_path, small))


def test_a_column_that_is_not_there_or_leads_away_is_refused(tmp_path):
    path = write_set(tmp_path, 1)
    with pytest.raises(DataError, match="'strokes' names no labels"):
        read_support(path, labels="strokes")
    path.write_text(path.read_text().replace(",s0.png,bright", ",../s0.png,bright"))
    with pytest.raises(DataError, match="outside the manifest's folder"):
        read_support(path, labels="drawn")
    path.write_text(path.read_text().replace("../s0.png", "gone.png"))
    with pytest.raises(DataError, match="no such file"):
        read_support(path, labels="drawn")
