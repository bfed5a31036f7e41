"""Soft Dice and cross-entropy, against MONAI and PyTorch, with known pixels and case weights."""

import pytest
import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.segmentation import cross_entropy_loss, segmentation_losses, soft_dice_loss
from lexseg.losses.target import Target

LOSSES = [soft_dice_loss, cross_entropy_loss]


def example(n: int = 4, size: tuple[int, int] = (12, 10)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, 1, *size, generator=generator) * 3
    return logits, (torch.rand(n, 1, *size, generator=generator) > 0.7).float()


@pytest.mark.parametrize("empty", [False, True])
def test_dice_is_that_of_monai(empty: bool) -> None:
    logits, mask = example()
    if empty:
        mask[1] = 0
    reference = DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)(logits, mask)
    torch.testing.assert_close(soft_dice_loss(logits, Target(mask), absent_smooth=None), reference)


def test_cross_entropy_is_that_of_torch() -> None:
    logits, mask = example()
    torch.testing.assert_close(
        cross_entropy_loss(logits, Target(mask)), F.binary_cross_entropy_with_logits(logits, mask)
    )


def test_cross_entropy_is_alive_and_on_logits() -> None:
    """The published family's was identically zero: a softmax over one channel (specs: tmca_lsms section 8, trap 2)."""
    _, mask = example()
    right, wrong = (cross_entropy_loss(sign * 20 * (mask - 0.5), Target(mask)) for sign in (1, -1))
    assert float(right) < 1e-4
    assert float(wrong) > 9


@pytest.mark.parametrize("loss", LOSSES)
def test_unknown_pixels_count_nowhere(loss) -> None:  # type: ignore[no-untyped-def]
    """As if the image had been cut to what is known."""
    logits, mask = example()
    valid = torch.zeros_like(mask, dtype=torch.bool)
    valid[..., :6] = True
    expected = loss(logits[..., :6], Target(mask[..., :6]))
    torch.testing.assert_close(loss(logits, Target(mask, valid=valid)), expected)
    logits.requires_grad_()
    loss(logits, Target(mask, valid=valid)).backward()
    assert logits.grad is not None
    assert not logits.grad[..., 6:].any()
    assert logits.grad[..., :6].abs().min() > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_cases_count_by_their_weight(loss) -> None:  # type: ignore[no-untyped-def]
    logits, mask = example(3)
    each = torch.stack([loss(logits[i : i + 1], Target(mask[i : i + 1])) for i in range(3)])
    weight = torch.tensor([1.0, 0.0, 3.0])
    torch.testing.assert_close(loss(logits, Target(mask, weight=weight)), (each[0] + 3 * each[2]) / 4)
    torch.testing.assert_close(loss(logits, Target(mask, weight=torch.full((3,), 0.3))), each.mean())
    torch.testing.assert_close(loss(logits, Target(mask)), each.mean())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("nothing", ["weight", "valid"])
def test_a_batch_that_counts_nowhere_is_no_nan(loss, nothing: str) -> None:  # type: ignore[no-untyped-def]
    logits, mask = example()
    logits.requires_grad_()
    target = (
        Target(mask, weight=torch.zeros(4)) if nothing == "weight" else Target(mask, valid=torch.zeros_like(mask) > 0)
    )
    value = loss(logits, target)
    value.backward()
    assert value.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_empty_prediction_of_an_empty_mask_costs_nothing() -> None:
    empty = Target(torch.zeros(1, 1, 8, 8))
    assert float(soft_dice_loss(torch.full((1, 1, 8, 8), -30.0), empty)) < 1e-6
    assert float(soft_dice_loss(torch.full((1, 1, 8, 8), 30.0), empty)) > 0.9


def test_large_logits_are_finite() -> None:
    logits = torch.tensor([[[[1e4, -1e4]]]], requires_grad=True)
    losses = segmentation_losses(logits, Target(torch.tensor([[[[0.0, 1.0]]]])))
    assert set(losses) == {"dice", "bce"}
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert all(v.isfinite() for v in losses.values())
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_half_precision_is_computed_in_full() -> None:
    logits, mask = example(size=(64, 64))
    losses = segmentation_losses(logits.bfloat16(), Target(mask))
    expected = segmentation_losses(logits.bfloat16().float(), Target(mask))
    for name, value in losses.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, expected[name])


def test_gradients_are_those_of_finite_differences() -> None:
    logits, mask = example(2, (3, 3))
    valid = torch.ones_like(mask, dtype=torch.bool)
    valid[0, 0, 0] = False
    target = Target(mask, valid=valid, weight=torch.tensor([1.0, 2.0]))
    step = torch.zeros_like(logits)
    step[1, 0, 1, 2] = 1e-2
    for loss in LOSSES:
        x = logits.clone().requires_grad_()
        loss(x, target).backward()
        assert x.grad is not None
        slope = (loss(logits + step, target) - loss(logits - step, target)) / 2e-2
        assert float(x.grad[1, 0, 1, 2]) == pytest.approx(float(slope), abs=1e-4)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        soft_dice_loss(torch.zeros(2, 1, 8, 8), Target(torch.zeros(2, 1, 1, 1)))
