"""Losses at several sizes, and Dice of a whole batch."""

from dataclasses import replace

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor

from lexseg.losses.deep_supervision import at_size, batch_dice_loss, deep_supervision_losses
from lexseg.losses.segmentation import cross_entropy_loss, segmentation_losses, soft_dice_loss
from lexseg.losses.target import Target


def example() -> tuple[list[Tensor], Target]:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(3, 1, 16 >> i, 24 >> i, generator=generator) for i in range(3)]
    return logits, Target((torch.rand(3, 1, 16, 24, generator=generator) > 0.7).float())


def test_batch_dice_is_that_of_monai() -> None:
    logits, target = example()
    reference = DiceLoss(sigmoid=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)(logits[0], target.mask)
    torch.testing.assert_close(batch_dice_loss(logits[0], target), reference)


def test_an_empty_mask_shakes_the_batch_less_than_the_mean() -> None:
    target = example()[1]
    sure = 12 * target.mask - 6
    sure[0] = -6.0
    sure[0, ..., :2, :2] = 6.0  # four false pixels
    empty = Target(torch.cat([torch.zeros_like(target.mask[:1]), target.mask[1:]]))
    assert float(soft_dice_loss(sure, empty, absent_smooth=None)) > 3 * float(batch_dice_loss(sure, empty))


def test_batch_dice_leaves_unknown_pixels_and_weightless_cases_out() -> None:
    logits, target = example()
    valid = torch.ones_like(target.mask, dtype=torch.bool)
    valid[..., 10:] = False
    partly = replace(target, valid=valid, weight=torch.tensor([1.0, 1.0, 0.0]))
    cut = Target(target.mask[:2, ..., :10])
    torch.testing.assert_close(batch_dice_loss(logits[0], partly), batch_dice_loss(logits[0][:2, ..., :10], cut))


def test_every_size_counts_half_of_the_one_before() -> None:
    logits, target = example()
    losses = deep_supervision_losses(logits, target)
    for name, loss in (("dice", batch_dice_loss), ("bce", cross_entropy_loss)):
        each = [loss(x, at_size(target, tuple(x.shape[-2:]))) for x in logits]
        torch.testing.assert_close(losses[name], (4 * each[0] + 2 * each[1] + each[2]) / 7)


def test_one_size_is_the_plain_loss() -> None:
    logits, target = example()
    torch.testing.assert_close(
        deep_supervision_losses(logits[:1], target, batch_dice=False), segmentation_losses(logits[0], target)
    )


def test_small_truths_are_of_the_same_place() -> None:
    """A square at even places survives halving as itself; unknown pixels stay unknown."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 8:12] = 1
    small = at_size(Target(mask, valid=mask == 0), (8, 8))
    expected = torch.zeros(1, 1, 8, 8)
    expected[..., 2:4, 4:6] = 1
    assert torch.equal(small.mask, expected)
    assert small.valid is not None and torch.equal(small.valid, expected == 0)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_size_is_taught(level: int) -> None:
    logits, target = example()
    for x in logits:
        x.requires_grad_()
    sum(deep_supervision_losses(logits, target).values()).backward()
    grad = logits[level].grad
    assert grad is not None and grad.abs().min() > 0
