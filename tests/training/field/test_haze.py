"""Haze: where it lies, and that it is a function of its generator."""

import torch

from lexseg.training.field.haze import hazed


def painted(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    images, fields = torch.full((32, 1, 64, 64), 0.2), torch.zeros(32, 1, 64, 64)
    fields[..., 16:48, 8:24] = 1
    return images, fields, hazed(images, fields, torch.Generator().manual_seed(seed))


def test_it_brightens_fields_and_leaves_what_is_far_from_them() -> None:
    images, fields, hazy = painted()
    assert (hazy >= images).all() and (hazy <= 1).all()
    far = torch.nn.functional.max_pool2d(fields, 9, 1, 4) == 0
    assert torch.equal(hazy[far], images[far])
    inside = (hazy - images)[..., 20:44, 12:20].amax((1, 2, 3))
    assert (inside > 0.2).float().mean() > 0.5  # most of them, and not all
    assert (inside < 0.01).any()


def test_one_seed_paints_the_same() -> None:
    assert torch.equal(painted(1)[2], painted(1)[2]) and not torch.equal(painted(1)[2], painted(2)[2])
