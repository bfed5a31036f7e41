"""Several pictures put together are told from one; a single one never is taken for several."""

from pathlib import Path

import numpy as np
import pytest

import lexseg
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
