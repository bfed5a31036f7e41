"""Augmentation: words and pixels move together, masks stay masks, all is a function of seed, epoch and id."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lexseg.models.inputs import resize_image
from lexseg.seeds import case_generator
from lexseg.training.augment import AugmentConfig, AugmentParameters, augment_image, augment_mask, augment_text, draw

EVERYTHING = AugmentConfig(mirror=0.5, flip=0.5, rotate=30, shift=0.2, stretch=0.3, zoom=(0.5, 2.0), drop_text=0.3)


def gradient(height: int, width: int) -> Tensor:
    """float[1, H, W], dark at the left, bright at the right; a little brighter downwards."""
    row = torch.linspace(0.1, 0.8, width).expand(height, width)
    return (row + torch.linspace(0, 0.1, height)[:, None])[None].contiguous()


def rectangle(height: int, width: int, top: int, left: int, bottom: int, right: int) -> Tensor:
    mask = torch.zeros(1, height, width)
    mask[:, top:bottom, left:right] = 1
    return mask


@pytest.mark.parametrize("size", [(48, 40), (64, 64), (20, 30)])
def test_identity_is_a_plain_resize(size: tuple[int, int]) -> None:
    image = torch.rand(3, 48, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        augment_image(image, AugmentParameters(), size), resize_image(image, size), atol=2e-5, rtol=0
    )


def test_identity_leaves_a_mask_as_it_is() -> None:
    mask = (torch.rand(1, 37, 53, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    out, valid = augment_mask(mask, AugmentParameters(), (37, 53))
    assert torch.equal(out, mask)
    assert valid.all()


@pytest.mark.parametrize("axis", ["mirror", "flip"])
def test_mirrors_are_exact(axis: str) -> None:
    image, mask = torch.rand(1, 32, 48), (torch.rand(1, 32, 48) > 0.5).float()
    parameters = AugmentParameters(**{axis: True})
    dim = -1 if axis == "mirror" else -2
    torch.testing.assert_close(augment_image(image, parameters, (32, 48)), image.flip(dim), atol=2e-5, rtol=0)
    assert torch.equal(augment_mask(mask, parameters, (32, 48))[0], mask.flip(dim))


@pytest.mark.parametrize(
    ("mirror", "flip", "expected"),
    [
        (False, False, "upper left lung opacity"),
        (True, False, "upper right lung opacity"),
        (False, True, "lower left lung opacity"),
        (True, True, "lower right lung opacity"),
    ],
)
def test_words_follow_the_mirrors(mirror: bool, flip: bool, expected: str) -> None:
    assert augment_text("upper left lung opacity", AugmentParameters(mirror=mirror, flip=flip)) == expected


def test_dropped_text_is_empty() -> None:
    assert augment_text("left lung", AugmentParameters(mirror=True, drop_text=True)) == ""


@pytest.mark.parametrize("seed", range(12))
def test_masks_stay_masks_and_move_with_the_image(seed: int) -> None:
    """The image is its own mask here: what is bright afterwards must be what the mask marks."""
    parameters = draw(EVERYTHING, case_generator(seed, 0, "case"))
    geometry = replace(parameters, brightness=0, contrast=1, gamma=1, noise=0, blur=0)
    mask = rectangle(96, 96, 20, 10, 60, 50)
    moved = augment_image(mask, geometry, (96, 96)) > 0.5
    out, valid = augment_mask(mask, geometry, (96, 96))
    assert set(out.unique().tolist()) <= {0.0, 1.0}
    assert (moved != (out > 0.5)).float().mean() < 0.01  # but for the edges
    assert not out[~valid].any()


@pytest.mark.parametrize(("zoom", "size"), [((1.25, 1.25), (96, 96)), ((0.8, 0.8), (96, 96)), ((1.1, 0.9), (64, 128))])
def test_area_is_kept_within_rounding(zoom: tuple[float, float], size: tuple[int, int]) -> None:
    mask = rectangle(192, 192, 60, 70, 120, 130)
    out, _ = augment_mask(mask, AugmentParameters(zoom=zoom, rotate=20.0), size)
    scale = size[0] * size[1] / 192**2 * zoom[0] * zoom[1]
    perimeter = 240 * max(size) / 192 * max(zoom)
    assert abs(float(out.sum()) - 3600 * scale) < 0.5 * perimeter


def test_zooming_out_shows_black_that_is_not_known() -> None:
    image, mask = torch.ones(1, 64, 64), torch.ones(1, 64, 64)
    parameters = AugmentParameters(zoom=(0.5, 0.5))
    pixels = augment_image(image, parameters, (64, 64))
    out, valid = augment_mask(mask, parameters, (64, 64))
    assert valid.shape == (1, 64, 64)
    assert int(valid.sum()) == 32 * 32
    assert torch.equal(out > 0.5, valid)
    assert pixels[:, :12].max() == 0
    assert torch.all(pixels[valid] > 0.2)


def test_shift_moves_by_its_share() -> None:
    mask = rectangle(64, 64, 28, 28, 36, 36)
    out, _ = augment_mask(mask, AugmentParameters(shift=(0.25, -0.125)), (64, 64))
    rows, columns = torch.nonzero(out[0], as_tuple=True)
    # the window moves, so what it shows moves the other way
    assert (float(rows.float().mean()), float(columns.float().mean())) == pytest.approx((31.5 - 16, 31.5 + 8), abs=0.6)


def test_a_mirrored_shift_is_the_mirror_of_the_shift() -> None:
    mask = rectangle(64, 64, 20, 12, 40, 30)
    plain, _ = augment_mask(mask, AugmentParameters(shift=(0.1, 0.1), rotate=15), (64, 64))
    mirrored, _ = augment_mask(mask, AugmentParameters(shift=(0.1, 0.1), rotate=15, mirror=True), (64, 64))
    assert not torch.equal(plain, mirrored)
    assert float(plain.sum()) == pytest.approx(float(mirrored.sum()), rel=0.05)


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_rotation_keeps_angles_on_oblong_images(size: tuple[int, int]) -> None:
    """A square stays as large and as far from the centre, whatever the shape of the image."""
    height, width = size
    mask = torch.zeros(1, height, width)
    mask[:, height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8] = 1
    out, _ = augment_mask(mask, AugmentParameters(rotate=45.0), size)
    columns = torch.nonzero(out[0].any(0))[:, 0]
    rows = torch.nonzero(out[0].any(1))[:, 0]
    assert float(out.sum()) == pytest.approx(256, rel=0.1)
    assert abs(len(rows) - len(columns)) <= 1


def test_parameters_are_a_function_of_seed_epoch_and_id() -> None:
    def one(seed: int, epoch: int, case: str) -> AugmentParameters:
        return draw(EVERYTHING, case_generator(seed, epoch, case))

    first = one(1, 2, "a")
    np.random.seed(99)
    torch.manual_seed(99)
    assert one(1, 2, "a") == first
    assert len({str(one(*key)) for key in [(1, 2, "a"), (0, 2, "a"), (1, 3, "a"), (1, 2, "b"), (12, 2, "a")]}) == 5


def test_noise_is_repeated_too() -> None:
    image = gradient(32, 32)
    parameters = AugmentParameters(noise=0.1, noise_seed=5, blur=1.0)
    assert torch.equal(augment_image(image, parameters, (32, 32)), augment_image(image, parameters, (32, 32)))
    other = replace(parameters, noise_seed=6)
    assert not torch.equal(augment_image(image, parameters, (32, 32)), augment_image(image, other, (32, 32)))


def test_parameters_are_json() -> None:
    parameters = draw(EVERYTHING, case_generator(0, 0, "a"))
    values = json.loads(json.dumps(asdict(parameters)))
    back = AugmentParameters(**values | {"zoom": tuple(values["zoom"]), "shift": tuple(values["shift"])})
    assert back == parameters


def test_draws_stay_in_their_ranges() -> None:
    config = AugmentConfig(zoom=(0.8, 1.5), shift=0.1, rotate=10, drop_text=0.25, mirror=0.5, stretch=0.2)
    drawn = [draw(config, case_generator(0, epoch, "a")) for epoch in range(400)]
    areas = [p.zoom[0] * p.zoom[1] for p in drawn]
    assert 0.8**2 - 1e-9 <= min(areas) <= max(areas) <= 1.5**2 + 1e-9
    assert max(abs(np.log(p.zoom[0] / p.zoom[1])) for p in drawn) <= 0.2 + 1e-9
    assert max(abs(s) for p in drawn for s in p.shift) <= 0.1
    assert max(abs(p.rotate) for p in drawn) <= 10
    assert 0.4 < np.mean([p.mirror for p in drawn]) < 0.6
    assert 0.18 < np.mean([p.drop_text for p in drawn]) < 0.32
    assert not any(p.flip for p in drawn)


def test_everything_off_is_the_identity() -> None:
    off = AugmentConfig(0, 0, (1, 1), 0, 0, 0, 0, (1, 1), (1, 1), 0, 0, 0)
    parameters = draw(off, case_generator(0, 0, "a"))
    assert replace(parameters, noise_seed=0, wording=0.0) == AugmentParameters()


def test_values_stay_between_0_and_1() -> None:
    for epoch in range(20):
        image = augment_image(torch.rand(3, 32, 32), draw(EVERYTHING, case_generator(0, epoch, "a")), (32, 32))
        assert 0 <= float(image.min()) <= float(image.max()) <= 1
