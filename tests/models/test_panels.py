"""Several pictures put together are told from one; a single one never is taken for several."""

from pathlib import Path

import numpy as np
import pytest

import lexseg
from lexseg.models.panels import boxes
from lexseg.models.place import has_panels
from lexseg.predict.images import load_image

EXAMPLES = Path(lexseg.__file__).parent / "assets" / "examples" / "images"
FILM = load_image(EXAMPLES / "cxr_00003528.png")
OTHER = 0.3 + 0.5 * load_image(EXAMPLES / "cxr_00001680.png")


def gap(length, wide, shade):
    return np.full((length, wide), shade, np.float32)


@pytest.mark.parametrize("shade", [0.0, 1.0], ids=["black", "white"])
@pytest.mark.parametrize("wide", [4, 20])
@pytest.mark.parametrize("turned", [False, True], ids=["beside", "above"])
def test_films_with_a_gap_between_them(wide, shade, turned):
    one, other = (FILM.T, OTHER.T) if turned else (FILM, OTHER)
    whole = np.concatenate([one, gap(len(one), wide, shade), other], 1)
    assert has_panels(np.ascontiguousarray(whole.T if turned else whole))


def test_films_with_no_gap_of_other_grey_ranges():
    assert has_panels(np.concatenate([FILM, OTHER], 1)) and has_panels(np.concatenate([FILM, OTHER], 0))


def test_four_in_colour():
    row = np.concatenate([FILM, gap(len(FILM), 6, 1.0), OTHER], 1)
    four = np.concatenate([row, gap(6, row.shape[1], 1.0), row], 0)
    assert has_panels(np.stack([four] * 3, -1))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.png")), ids=lambda path: path.name)
def test_one_picture_is_one(path):
    image = load_image(path)
    assert not has_panels(image) and not has_panels(np.ascontiguousarray(np.rot90(image)))


def test_two_things_on_an_empty_ground_are_one_picture():
    """As the legs in a slice of CT: what lies between them is of one shade, too."""
    ground = np.zeros((200, 300), np.float32)
    ground[60:140, 20:120] = ground[60:140, 180:280] = FILM[100:180, 100:200]
    assert not has_panels(ground)


def test_one_picture_in_a_frame_with_a_caption_or_a_scale_is_one():
    framed = np.pad(FILM, ((30, 30), (200, 200)), constant_values=1.0)
    assert not has_panels(framed)
    shades = np.linspace(1, 0, len(FILM), dtype=np.float32)[:, None]
    assert not has_panels(np.concatenate([FILM, gap(len(FILM), 12, 0.0), np.repeat(shades, 16, 1)], 1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3), (5000, 4), (40, 40, 3)])
def test_what_is_too_small_or_of_one_shade_is_one(shape):
    assert not has_panels(np.full(shape, 0.5, np.float32))
    assert has_panels(np.random.default_rng(0).random(shape, np.float32)) is False


def slices(*ranges):
    return tuple(slice(*each) for each in ranges)


def in_grey(image, colour):
    return np.stack([image] * 3, -1) if colour else image


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("shade", [0.0, 1.0], ids=["black", "white"])
@pytest.mark.parametrize("wide", [4, 20])
def test_films_with_a_gap_are_cut_along_it(wide, shade, colour):
    h, w = FILM.shape
    other = OTHER[:h, :w]
    beside = in_grey(np.concatenate([FILM, gap(h, wide, shade), other], 1), colour)
    above = np.concatenate([FILM, gap(wide, w, shade), other], 0)
    first, second = boxes(beside)
    assert first == slices((0, h), (0, w)) and within(second, slices((0, h), (w + wide, 2 * w + wide)))
    first, second = boxes(above)
    assert first == slices((0, h), (0, w)) and within(second, slices((h + wide, 2 * h + wide), (0, w)))


def within(box, place):
    """Whether a box is a place, or what a frame of the film's own leaves of it."""
    pairs = zip(box, place, strict=True)
    return all(p.start <= b.start < p.start + 40 and p.stop - 40 < b.stop <= p.stop for b, p in pairs)


def test_films_with_no_gap_are_cut_at_the_seam():
    (_, first), (_, second) = boxes(np.concatenate([FILM, OTHER], 1))
    assert first.stop == FILM.shape[1] <= second.start


def test_large_films_are_cut_as_small_ones():
    film, other = (np.kron(each, np.ones((5, 5), np.float32)) for each in (FILM, OTHER))
    for whole in (np.concatenate([film, other], 1), np.concatenate([film, gap(len(film), 60, 1.0), other], 1)):
        (_, first), (_, second) = boxes(whole)
        assert first.stop == film.shape[1] and second.start >= whole.shape[1] - other.shape[1]


def test_four_are_counted_line_by_line():
    row = np.concatenate([FILM, gap(len(FILM), 6, 1.0), FILM], 1)
    four = boxes(np.concatenate([row, gap(6, row.shape[1], 1.0), row], 0))
    assert [(rows.start, columns.start) for rows, columns in four] == [(0, 0), (0, 326), (326, 0), (326, 326)]


def test_on_a_white_page_each_keeps_a_margin_alike_at_either_side():
    page = np.pad(np.concatenate([FILM, gap(320, 30, 1.0), FILM], 1), ((25, 40), (10, 12)), constant_values=1.0)
    assert boxes(page) == [slices((0, 385), (0, 340)), slices((0, 385), (348, 692))]


@pytest.mark.parametrize(("wide", "shade"), [(0, 0.0), (16, 0.0), (16, 1.0)], ids=["none", "black", "white"])
@pytest.mark.parametrize("dark", [0.0, 0.3])
def test_what_is_dark_around_a_slice_stays_alike_at_either_side(wide, shade, dark):
    slice_ = np.pad(dark + FILM[60:-60, 60:-60] * (1 - dark), 60, constant_values=dark)
    (_, first), (_, second) = boxes(np.concatenate([slice_, gap(320, wide, shade), slice_], 1))
    assert first == slice(0, 320) or (dark == shade and first.stop <= 320 + wide)
    assert second == slice(320 + wide, 640 + wide) or (dark == shade and second.start >= 320)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.png")), ids=lambda path: path.name)
def test_one_picture_is_not_cut(path):
    image = load_image(path)
    assert boxes(image) == [slices((0, image.shape[0]), (0, image.shape[1]))]
