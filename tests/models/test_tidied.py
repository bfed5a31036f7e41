"""What is not of an image is taken away: frames, bars and tints, and nothing else."""

import numpy as np
import pytest

from lexseg.models.place import may_be_tidied, tidied

H, W = 150, 120
INNER = np.random.default_rng(0).random((H, W), dtype=np.float32)


def framed(image, *, shade, top=0, bottom=0, left=0, right=0, colours=False):
    """An image in a frame of one shade, as JPEG leaves it: not quite even."""
    margins = ((top, bottom), (left, right), *[(0, 0)] * (image.ndim - 2))
    whole = np.pad(image, margins, constant_values=np.nan)
    uneven = shade + np.random.default_rng(1).uniform(-0.01, 0.01, whole.shape)
    return np.where(np.isnan(whole), uneven, whole).clip(0, 1).astype(np.float32)


def tinted(image):
    return np.stack([0.8 * image, 0.9 * image, 0.1 + 0.9 * image], -1).astype(np.float32)


@pytest.mark.parametrize("shade", [1.0, 0.5, 0.15])
@pytest.mark.parametrize(
    "frame",
    [{"top": 20, "bottom": 31, "left": 40, "right": 2}, {"left": 25}, {"bottom": 60}],
    ids=["around", "left", "below"],
)
def test_a_frame_that_is_not_black_is_cut_off(shade, frame):
    image = framed(INNER, shade=shade, **frame)
    found = tidied(image)
    assert found is not None and may_be_tidied(image)
    np.testing.assert_array_equal(found.image, INNER)
    np.testing.assert_array_equal(image[found.inside], INNER)


def test_what_is_black_within_a_frame_stays():
    inner = framed(INNER, shade=0.0, top=10, bottom=10, left=15, right=15)
    found = tidied(framed(inner, shade=0.9, top=30, left=30))
    assert found is not None
    np.testing.assert_array_equal(found.image, inner)


@pytest.mark.parametrize("shade", [0.0, 0.7])
def test_the_bars_of_a_wide_image_are_cut_off(shade):
    """Until it is square: the film itself is taller than wide, and black bars may be its own."""
    found = tidied(framed(INNER, shade=shade, left=100, right=80))
    assert found is not None
    assert found.image.shape == ((H, H) if shade == 0 else (H, W))
    assert found.inside[0] == slice(0, H) and found.inside[1].start <= 100 and found.inside[1].stop >= 100 + W


def test_the_bars_of_a_tall_image_are_cut_off():
    found = tidied(framed(INNER, shade=0.0, top=200))
    assert found is not None and found.inside == (slice(200, 200 + H), slice(0, W))


@pytest.mark.parametrize(
    "image",
    [
        INNER,
        framed(INNER, shade=0.0, top=20, bottom=20, left=20, right=20),
        np.full((H, W), 0.6, np.float32),
        np.full((H, W, 3), [0.6, 0.2, 0.1], np.float32),
        framed(INNER[:20, :20], shade=1.0, top=80, left=80),
        np.random.default_rng(2).random((H, W, 3), dtype=np.float32),
        np.stack([INNER] * 3, -1),
    ],
    ids=["bare", "black frame", "blank", "one colour", "hardly anything", "colours", "grey in three channels"],
)
def test_every_other_image_is_left_alone(image):
    assert tidied(image) is None and not may_be_tidied(image)


def test_a_tint_is_taken_away():
    found = tidied(tinted(INNER))
    assert found is not None and may_be_tidied(tinted(INNER))
    expected = tinted(INNER).mean(2)
    np.testing.assert_allclose(found.image, expected, atol=1e-6)


def test_a_tinted_image_in_a_frame():
    image = framed(tinted(INNER), shade=1.0, top=20, right=20)
    found = tidied(image)
    assert found is not None and found.image.shape == (H, W) and found.inside == (slice(20, 20 + H), slice(0, W))


def test_a_fine_pattern_of_a_large_image_is_seen_by_few_pixels():
    large = np.kron(INNER, np.ones((9, 9), np.float32))
    image = framed(large, shade=1.0, top=100, bottom=100, left=100, right=100)
    assert may_be_tidied(image) and not may_be_tidied(large)
