"""The six ways of labelling a mask sparsely."""

import numpy as np
import pytest
from scipy import ndimage

from lexseg.errors import ConfigError
from lexseg.fewshot.labels import BESIDE, TARGET, UNKNOWN
from lexseg.fewshot.sparse import STYLES, drawn_style, sparsify, thinned

MASK = np.zeros((60, 80), np.bool_)
MASK[20:44, 24:60] = True
MASK[28:36, 36:48] = False  # a hole


def made(style, mask=MASK, seed=0, **density):
    return sparsify(mask, style, np.random.default_rng(seed), **density)


@pytest.mark.parametrize("style", STYLES)
def test_labels_never_lie_and_leave_something_open(style):
    labels = made(style)
    assert not (labels[~MASK] == TARGET).any() and not (labels[MASK] == BESIDE).any()
    assert (labels == TARGET).any() and (labels == BESIDE).any() and (labels == UNKNOWN).any()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("full", [False, True])
def test_a_mask_of_one_class_is_labelled_by_that_alone(style, full):
    labels = made(style, np.full((40, 40), full))
    assert set(np.unique(labels)) <= {UNKNOWN, TARGET if full else BESIDE}
    assert (labels != UNKNOWN).any()


@pytest.mark.parametrize("style", STYLES)
def test_chance_is_the_generators_alone(style):
    assert np.array_equal(made(style, seed=3), made(style, seed=3))


def test_points_are_as_many_as_asked_for():
    labels = made("points", count=4, radius=0)
    assert (labels == TARGET).sum() == 4 and (labels == BESIDE).sum() == 4


def test_a_grid_has_its_spacing():
    rows, columns = np.nonzero(made("grid", spacing=7) != UNKNOWN)
    assert set(np.diff(np.unique(rows))) == {7} and set(np.diff(np.unique(columns))) == {7}


def test_scribbles_keep_their_distance_and_contours_none():
    depth = ndimage.distance_transform_edt(MASK)
    assert depth[made("scribbles", fraction=1.0, distance=3, thickness=1) == TARGET].min() > 2.5
    assert depth[made("contours", thickness=1) == TARGET].max() < 1.5


def test_less_of_a_scribble_is_less():
    less, more = (made("scribbles", fraction=f) for f in (0.2, 0.9))
    assert (less != UNKNOWN).sum() < (more != UNKNOWN).sum() / 2


def test_polygons_are_the_densest():
    known = {style: int((made(style) != UNKNOWN).sum()) for style in STYLES}
    assert max(known, key=known.get) == "polygons"


def test_a_polygon_of_something_thin_is_halved_until_something_is_left():
    thin = np.zeros((40, 40), np.bool_)
    thin[19:22, 5:35] = True
    assert (made("polygons", thin) == TARGET).any()


def test_a_thick_line_is_thinned_to_one_pixel():
    bar = np.zeros((20, 40), np.bool_)
    bar[7:14, 5:35] = True
    line = thinned(bar)
    assert (line.sum(0) <= 1).all() and line.sum() > 18 and not (line & ~bar).any()


def test_drawn_styles_are_in_their_ranges():
    rng = np.random.default_rng(0)
    drawn = [drawn_style(rng) for _ in range(60)]
    assert {style for style, _ in drawn} == set(STYLES)
    assert all(4 <= density["spacing"] <= 20 for style, density in drawn if style == "grid")
    for style, density in drawn[:12]:
        sparsify(MASK, style, rng, **density)


def test_unknown_styles_and_densities_are_refused():
    with pytest.raises(ConfigError, match="there are: points, grid"):
        made("blobs")
    with pytest.raises(ConfigError, match="labels grid"):
        made("grid", radius=3)
