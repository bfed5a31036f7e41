import numpy as np
import pytest

from lexseg.outputs.overlay import FOUND, TRUTH, draw_overlay


def square(size=64):
    mask = np.zeros((size, size), bool)
    mask[16:32, 16:32] = True
    return mask


def test_the_picture_has_the_image_s_size_and_shows_outline_and_fill():
    image = np.full((64, 64), 0.5, np.float32)
    picture = np.asarray(draw_overlay(image, square()))
    assert picture.shape == (64, 64, 3)
    assert tuple(picture[16, 20]) == FOUND  # the outline
    assert tuple(picture[5, 5]) == (128, 128, 128)  # untouched
    assert picture[24, 24, 0] > picture[24, 24, 2]  # tinted, but seen through
    assert tuple(picture[24, 24]) != FOUND


def test_a_gray_and_a_colour_image_of_equal_values_look_the_same():
    gray = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    colour = np.repeat(gray[..., None], 3, axis=2)
    assert np.array_equal(draw_overlay(gray, square()), draw_overlay(colour, square()))


def test_the_truth_is_outlined_in_its_own_colour():
    truth = np.zeros((64, 64), bool)
    truth[40:50, 40:50] = True
    picture = np.asarray(draw_overlay(np.zeros((64, 64), np.float32), square(), truth=truth))
    assert tuple(picture[40, 45]) == TRUTH and tuple(picture[45, 45]) == (0, 0, 0)


def test_a_huge_image_gives_a_preview_in_which_one_pixel_is_still_found():
    mask = np.zeros((1000, 1500), bool)
    mask[503, 701] = True
    picture = np.asarray(draw_overlay(np.zeros((1000, 1500), np.float32), mask, largest=512))
    assert picture.shape == (334, 500, 3)
    assert tuple(picture[503 // 3, 701 // 3]) == FOUND


def test_words_stand_below_the_picture():
    image = np.full((100, 200), 0.2, np.float32)
    plain = draw_overlay(image, np.zeros((100, 200), bool))
    told = draw_overlay(image, np.zeros((100, 200), bool), caption=["opacity in the lower left lung " * 4])
    assert told.width == 200 and told.height > 130
    assert np.array_equal(np.asarray(told)[:100], np.asarray(plain))
    assert np.asarray(told)[100:].max() > 200  # bright letters


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_tiny_images(size):
    picture = draw_overlay(np.zeros(size, np.float32), np.ones(size, bool), caption=["left"])
    assert picture.width == size[1] and picture.height > size[0]


GROUNDS = [(224, 172, 140), (255, 140, 0), (200, 120, 60), (250, 250, 250), (5, 5, 5), (120, 60, 40)]


@pytest.mark.parametrize("ground", GROUNDS)
def test_an_outline_shows_on_any_ground(ground):
    """On skin, and even on its own orange: somewhere across the border of the mask the brightness jumps."""
    image = np.broadcast_to(np.array(ground, np.float32) / 255, (128, 128, 3)).copy()
    mask = np.zeros((128, 128), np.bool_)
    mask[40:90, 40:90] = True
    row = np.asarray(draw_overlay(image, mask)).astype(float)[64, 20:64] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(np.diff(row)).max() > 60
