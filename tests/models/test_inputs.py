"""How images come to a network's size, and its maps back to theirs."""

import numpy as np
import pytest
import torch

from lexseg.models.inputs import fit_image, image_tensor, to_image
from lexseg.models.place import ImagePlace, to_input, to_native
from lexseg.training.augment import AugmentParameters, augment_image, augment_mask

SHAPES = [(90, 160), (160, 90), (61, 233), (64, 64), (500, 3), (17, 16)]


def disk(height, width, radius, row=None, column=None):
    rows, columns = np.mgrid[:height, :width]
    row, column = height / 2 if row is None else row, width / 2 if column is None else column
    return torch.from_numpy(((rows - row) ** 2 + (columns - column) ** 2 < radius**2).astype(np.float32))[None]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(64, 64), (96, 64)])
def test_margins_are_equal_and_one_pair_of_sides_is_full(shape, size):
    place = ImagePlace.of(shape, size, "pad")
    assert 2 * place.top + place.height == size[0] and 2 * place.left + place.width == size[1]
    assert place.height == size[0] or place.width == size[1]
    exact = min(size[0] / shape[0], size[1] / shape[1])
    assert abs(place.height - shape[0] * exact) <= 2 and abs(place.width - shape[1] * exact) <= 2


def test_stretching_fills_all():
    assert ImagePlace.of((10, 300), (64, 96), "stretch") == ImagePlace(0, 0, 64, 96)


def test_a_circle_stays_a_circle():
    image = disk(100, 300, 40)
    for fit, ratio in (("pad", 1.0), ("stretch", 3.0)):
        rows, columns = np.nonzero(fit_image(image, (96, 96), fit)[0].numpy() > 0.5)
        assert (np.ptp(rows) + 1) / (np.ptp(columns) + 1) == pytest.approx(ratio, rel=0.1)


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_a_mirrored_image_gives_the_mirrored_input(fit, shape):
    image = torch.rand(3, *shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(fit_image(image.flip(-1), (64, 64), fit), fit_image(image, (64, 64), fit).flip(-1))


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("shape", SHAPES[:3])
def test_what_a_network_sees_comes_back_to_its_place(fit, shape):
    """A network that answers with its input: the disk lies where it lay, and the margins are gone."""
    image = disk(*shape, 18, shape[0] * 0.6, shape[1] * 0.3)
    back = to_image(fit_image(image, (64, 64), fit)[None], shape, fit)[0]
    assert back.shape == image.shape
    found, true = back[0].numpy() > 0.5, image[0].numpy() > 0.5
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.9


def test_the_border_of_a_mask_is_drawn_at_the_image_s_resolution():
    """From logits of 16 x 16, a slanted edge in 320 x 320 has no steps of the network's 20 pixels."""
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    logits = (columns - 8 + 0.35 * (rows - 8))[None, None] * 2
    mask = to_image(logits, (320, 320), "stretch")[0, 0] >= 0
    edge = mask.float().argmax(1)[40:280].numpy()
    assert np.abs(np.diff(edge)).max() <= 1 and len(np.unique(edge)) > 60


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("shape", SHAPES)
def test_prediction_does_without_torch_what_training_does(fit, shape):
    image = np.random.default_rng(4).random(shape, dtype=np.float32)
    image[: shape[0] // 2] *= 0.3  # so that its means span more than a badly exposed film does
    seen = fit_image(image_tensor(image), (64, 96), fit).expand(3, -1, -1)
    np.testing.assert_allclose(to_input(image, (64, 96), fit), seen, atol=1e-5)
    logits = np.random.default_rng(5).normal(size=(1, 64, 96)).astype(np.float32)
    wanted = to_image(torch.from_numpy(logits)[None], shape, fit)[0, 0].sigmoid()
    np.testing.assert_allclose(to_native(logits, shape, fit), wanted, atol=1e-5)


def shades(low, high, dark=0.0):
    """An image of even shades from low to high, float32[64, 64], a share of it black."""
    image = np.linspace(low, high, 64 * 64, dtype=np.float32).reshape(64, 64)
    image[: round(64 * dark)] = 0
    return image


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.4), (0.8, 0.95), (0.0, 0.25)])
def test_a_badly_exposed_film_is_stretched(low, high):
    seen = to_input(shades(low, high), (64, 64))
    expected = np.clip((shades(low, high) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(seen[0], expected, atol=0.04)
    assert seen.dtype == np.float32 and np.ptp(seen) == 1


@pytest.mark.parametrize(
    "image",
    [shades(0.2, 0.52), shades(0, 1), shades(0.1, 0.3, dark=0.8), np.full((64, 64), 0.3, np.float32)],
    ids=["wide enough", "whole range", "mostly background", "blank"],
)
def test_every_other_image_stays_as_it_is(image):
    np.testing.assert_array_equal(to_input(image, (64, 64))[0], image)


def test_colours_are_stretched_alike():
    image = np.stack([shades(0.3, 0.5), shades(0.3, 0.5), shades(0.3, 0.5) - 0.1], -1)
    seen = to_input(image, (64, 64))
    inner = (seen > 0.05) & (seen < 0.95)
    apart = (seen[0] - seen[2])[inner.all(0)]
    np.testing.assert_allclose(apart, 0.1 / 0.2 * np.ones_like(apart), atol=0.03)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_training_sees_what_prediction_sees(shape):
    image = torch.rand(1, *shape, generator=torch.Generator().manual_seed(2))
    seen = augment_image(image, AugmentParameters(), (64, 64), "pad")
    torch.testing.assert_close(seen, fit_image(image, (64, 64), "pad"), atol=2e-4, rtol=0)


@pytest.mark.parametrize("resize", ["nearest", "area"])
def test_mask_and_image_are_moved_alike_and_margins_are_not_known(resize):
    image = disk(100, 300, 30, 40, 90)
    parameters = AugmentParameters(mirror=True, zoom=(1.1, 0.95), shift=(0.05, -0.04), rotate=25.0)
    seen = augment_image(image, parameters, (96, 96), "pad")[0]
    mask, valid = augment_mask(image, parameters, (96, 96), resize, "pad")
    found, true = seen.numpy() > 0.5, mask[0].numpy() > 0.5
    assert true.sum() > 100 and 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.93
    _, still = augment_mask(image, AugmentParameters(), (96, 96), resize, "pad")
    place = ImagePlace.of((100, 300), (96, 96), "pad")
    inside = torch.zeros(96, 96, dtype=torch.bool)
    inside[place.top : place.top + place.height, place.left : place.left + place.width] = True
    assert torch.equal(still[0], inside) and valid.sum() < 96 * 96
