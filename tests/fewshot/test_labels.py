"""Sparse labels at another size, and grown into masks."""

import numpy as np
import pytest

from few_discs import dice, disc, scribbled
from lexseg.fewshot.grow import grown
from lexseg.fewshot.labels import BESIDE, TARGET, UNKNOWN, shrunk, unknown


def test_no_stroke_is_lost_where_labels_shrink():
    labels = unknown((64, 64))
    labels[31, 5] = TARGET
    labels[40, 50] = BESIDE
    small = shrunk(labels, (8, 8))
    assert small[3, 0] == TARGET and small[5, 6] == BESIDE and (small == UNKNOWN).sum() == 62


def test_a_place_with_both_is_unknown():
    labels = unknown((8, 8))
    labels[0, 0], labels[1, 1] = TARGET, BESIDE
    assert shrunk(labels, (4, 4))[0, 0] == UNKNOWN


def test_labels_grow_with_their_image():
    labels = unknown((2, 2))
    labels[0, 0], labels[1, 1] = TARGET, BESIDE
    assert shrunk(labels, (4, 4)).tolist() == [
        [TARGET, TARGET, UNKNOWN, UNKNOWN],
        [TARGET, TARGET, UNKNOWN, UNKNOWN],
        [UNKNOWN, UNKNOWN, BESIDE, BESIDE],
        [UNKNOWN, UNKNOWN, BESIDE, BESIDE],
    ]


def test_scribbles_grow_up_to_the_edges():
    image, mask = disc(0)
    labels = scribbled(mask)
    share = grown(image, labels)
    assert dice(share > 0.5, mask) > 0.95
    assert (share[labels == TARGET] == 1).all() and (share[labels == BESIDE] == 0).all()


def test_without_edges_the_nearest_stroke_counts():
    labels = unknown((9, 21))
    labels[:, 2], labels[:, 18] = TARGET, BESIDE
    share = grown(np.full((9, 21), 0.5, np.float32), labels)
    assert (share[:, :10] > 0.5).all() and (share[:, 11:] < 0.5).all()
    assert np.allclose(share[:, 6], 0.75, atol=0.02)  # harmonic: straight from 1 to 0


def test_one_class_alone_does_not_grow():
    labels = unknown((8, 8))
    labels[0] = TARGET
    with pytest.raises(ValueError, match="both classes"):
        grown(np.zeros((8, 8), np.float32), labels)
