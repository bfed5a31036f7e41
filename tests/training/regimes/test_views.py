"""Two views of an image, and the words that are true of each."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lexseg.training.regimes.views import ViewConfig, blurred, jitter, view

PLACES = list(product(("upper", "lower"), ("left", "right")))
TURNING = ViewConfig(mirror=0.5, flip=0.5)


def square(vertical: str, horizontal: str) -> torch.Tensor:
    """A bright square in that quarter, float[3, 32, 32]."""
    image = torch.full((3, 32, 32), 0.2)
    top, left = (4 if vertical == "upper" else 20), (4 if horizontal == "left" else 20)
    image[:, top : top + 8, left : left + 8] = 0.9
    return image


@pytest.mark.parametrize(("vertical", "horizontal"), PLACES)
def test_place_words_of_a_view_agree_with_where_the_thing_is(vertical: str, horizontal: str) -> None:
    turns = set()
    for seed in range(12):
        seen = view(square(vertical, horizontal), f"square in the {vertical} {horizontal} part", seed, TURNING)
        rows, columns = np.nonzero((seen.image.mean(0) > seen.image.mean()).numpy())
        said = f"square in the {'upper' if rows.mean() < 16 else 'lower'} {'left' if columns.mean() < 16 else 'right'}"
        assert seen.words == f"{said} part"
        turns.add((seen.mirrored, seen.flipped))
    assert len(turns) == 4


def test_there_and_back_is_the_identity_on_masks() -> None:
    mask = (torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    for seed in range(12):
        seen = view(torch.zeros(3, 32, 32), "", seed, TURNING)
        assert torch.equal(seen.back(seen.back(mask)), mask)
        turned = mask.flip(-1) if seen.mirrored else mask
        assert torch.equal(seen.back(turned.flip(-2) if seen.flipped else turned), mask)


def test_light_leaves_the_words_and_the_place() -> None:
    seen = view(square("upper", "left"), "on the left", 3, ViewConfig())
    assert seen.words == "on the left" and not seen.mirrored
    assert seen.image[:, 6:10, 6:10].mean() > seen.image[:, 22:26, 22:26].mean()


def test_chance_is_the_seeds_alone_and_gray_stays_gray() -> None:
    gray = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(1))
    one, same, other = (view(gray, "", seed, ViewConfig()).image for seed in (7, 7, 8))
    assert torch.equal(one, same) and not torch.equal(one, other)
    torch.testing.assert_close(one[0], one[2])
    colours = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    still = ViewConfig(brightness=0, contrast=(1, 1), gamma=(1, 1), colour=0, noise=0, blur=0)
    torch.testing.assert_close(jitter(colours, still, torch.Generator().manual_seed(0)), colours)


def test_the_blur_is_a_gaussian_of_each_images_own_width() -> None:
    image = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    found = blurred(image, torch.tensor([1.5, 0.0]))
    wanted = gaussian_filter(image[0].numpy(), (0, 1.5, 1.5), mode="mirror", truncate=5 / 1.5)
    np.testing.assert_allclose(found[0], wanted, atol=1e-4)
    torch.testing.assert_close(found[1], image[1])


def test_next_to_no_blur_is_none_and_the_threshold_cuts_nothing_off() -> None:
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    assert torch.equal(blurred(image, torch.tensor([0.0, 0.04])), image)
    both = blurred(image, torch.tensor([0.04, 1.0]))  # one is blurred, so that the other passes the kernel as well
    assert torch.equal(both[0], image[0]) and not torch.allclose(both[1], image[1], atol=0.01)
