"""Masks compared in the eyes of a frozen network; here of one whose features can be worked out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.perceptual import perceptual_mask_loss
from lexseg.losses.target import Target


def features(image: Tensor) -> list[Tensor]:
    """The image shifted by one, and its 4x4 means twice as large."""
    return [image + 1, 2 * F.avg_pool2d(image, 4)]


def example() -> tuple[Tensor, Target]:
    mask = torch.zeros(2, 1, 16, 16)
    mask[0, :, 4:12, 4:12] = mask[1, :, 2:6] = 1
    return torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)), Target(mask)


def test_it_is_the_squared_difference_over_the_square_of_the_truth() -> None:
    logits, target = example()
    p, y = logits.sigmoid(), target.mask
    first = ((p - y) ** 2).mean() / ((y + 1) ** 2).mean()
    pooled = [F.avg_pool2d(m, 4) for m in (p, y)]
    second = ((pooled[0] - pooled[1]) ** 2).mean() / (pooled[1] ** 2).mean()
    torch.testing.assert_close(perceptual_mask_loss(logits, target, features, size=None), first + second)


def test_the_true_mask_costs_nothing_and_a_shifted_one_something() -> None:
    _, target = example()
    logits = 40 * target.mask - 20
    assert float(perceptual_mask_loss(logits, target, features)) < 1e-6
    assert float(perceptual_mask_loss(logits.roll(3, -1), target, features)) > 0.1


def test_masks_are_resized_for_the_network() -> None:
    sizes = []

    def seen(image: Tensor) -> list[Tensor]:
        sizes.append(tuple(image.shape))
        return [image]

    logits, target = example()
    perceptual_mask_loss(logits, target, seen, size=32)
    perceptual_mask_loss(logits, target, seen, size=None)
    assert sizes == [(2, 3, 32, 32)] * 2 + [(2, 3, 16, 16)] * 2


def test_unknown_pixels_and_weightless_cases_count_nowhere() -> None:
    logits, target = example()
    valid = torch.ones_like(target.mask, dtype=torch.bool)
    valid[..., 10:] = False
    partly = replace(target, valid=valid, weight=torch.tensor([1.0, 0.0]))
    logits.requires_grad_()
    perceptual_mask_loss(logits, partly, features, size=None).backward()
    assert logits.grad is not None
    assert not logits.grad[..., 10:].any() and not logits.grad[1].any()
    assert logits.grad[0, ..., :10].abs().min() > 0
    other = target.mask.clone()
    other[1] = 1 - other[1]
    losses = [perceptual_mask_loss(logits, replace(partly, mask=m), features, size=None) for m in (target.mask, other)]
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_are_finite(value: float) -> None:
    logits, target = example()
    full = Target(torch.full_like(target.mask, value))
    assert perceptual_mask_loss(logits, full, lambda image: [image + 1]).isfinite()
