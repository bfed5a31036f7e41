"""Absent targets, targets that are not known to be there, and soft ones: what each loss of masks makes of them."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from lexseg.losses.balanced import balanced_cross_entropy_loss, squared_dice_loss
from lexseg.losses.deep_supervision import at_size, batch_dice_loss, deep_supervision_losses
from lexseg.losses.segmentation import cross_entropy_loss, segmentation_losses, soft_dice_loss
from lexseg.losses.structure import structure_losses
from lexseg.losses.target import Target

Loss = Callable[[Tensor, Target], Tensor]


def summed(losses: Callable[..., dict[str, Tensor]], **keywords: object) -> Loss:
    return lambda logits, target: torch.stack(list(losses(logits, target, **keywords).values())).sum()


def lvit(logits: Tensor, target: Target, *, as_published: bool = False) -> Tensor:
    smooth, absent = (1e-5, None) if as_published else (1.0, 0.003)
    dice = squared_dice_loss(logits, target, smooth=smooth, absent_smooth=absent)
    return dice + balanced_cross_entropy_loss(logits, target, as_published=as_published)


LOSSES: dict[str, Loss] = {
    "all": summed(segmentation_losses),
    "lvit": lvit,
    "m2snet": summed(structure_losses),
    "dynunet": lambda logits, target: summed(deep_supervision_losses, batch_dice=False)([logits], target),  # type: ignore[arg-type, list-item]
}
PUBLISHED: dict[str, Loss] = {
    "all": summed(segmentation_losses, as_published=True),
    "lvit": partial(lvit, as_published=True),
    "m2snet": summed(structure_losses, as_published=True),
}


def pull(loss: Loss, share: float, size: tuple[int, int], logit: float, *, present: bool) -> float:
    """The gradient on the pixels of a lesion of that share of the image that is missed, or painted and not there."""
    logits, mask = torch.full((1, 1, *size), -8.0), torch.zeros(1, 1, *size)
    side = round((share * size[0] * size[1]) ** 0.5)
    lesion = (slice(None), slice(None), slice(4, 4 + side), slice(4, 4 + side))
    mask[lesion] = float(present)
    logits[lesion] = -logit if present else logit
    logits.requires_grad_()
    loss(logits, Target(mask)).backward()
    assert logits.grad is not None
    return float(logits.grad[lesion].abs().sum())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("share", [0.01, 0.002])
@pytest.mark.parametrize("size", [(128, 128), (160, 224), (352, 352)])
@pytest.mark.parametrize("logit", [0.5, 2.0, 3.0])
def test_painting_what_is_absent_pulls_as_missing_what_is_there(
    name: str, share: float, size: tuple[int, int], logit: float
) -> None:
    missed, painted = (pull(LOSSES[name], share, size, logit, present=p) for p in (True, False))
    assert 0.5 * painted < missed < 5.5 * painted


@pytest.mark.parametrize("name", PUBLISHED)
def test_as_published_it_hardly_pulls(name: str) -> None:
    missed, painted = (pull(PUBLISHED[name], 0.002, (224, 224), 2.0, present=p) for p in (True, False))
    assert missed > 25 * painted


@pytest.mark.parametrize("size", [(64, 64), (160, 160)])
def test_absent_cross_entropy_counts_by_its_weight(size: tuple[int, int]) -> None:
    logits = torch.randn(2, 1, *size)
    mask = torch.zeros_like(logits)
    mask[0, :, :9, :9] = 1
    one, four = (
        torch.stack([cross_entropy_loss(logits[i : i + 1], Target(mask[i : i + 1]), absent_weight=w) for i in range(2)])
        for w in (1.0, 4.0)
    )
    torch.testing.assert_close(four, one * torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(cross_entropy_loss(logits, Target(mask)), four.mean())
    weighted = Target(mask, weight=torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(cross_entropy_loss(logits, weighted), (four[0] + 3 * four[1]) / 4)


def batch() -> tuple[Tensor, Target]:
    """Four rows: there, not there, with a label alone (no pixel of the mask is known), moved out of view."""
    torch.manual_seed(0)
    logits, mask = torch.randn(4, 1, 32, 32), torch.zeros(4, 1, 32, 32)
    mask[0, :, 4:9, 4:9] = 1
    mask[3, :, :1, :1] = 1
    valid = torch.ones_like(mask, dtype=torch.bool)
    valid[2] = False
    return logits, Target(mask, valid=valid, present=torch.tensor([1.0, 0.0, 1.0, float("nan")]))


@pytest.mark.parametrize("name", LOSSES)
def test_rows_of_which_nothing_is_known_say_nothing(name: str) -> None:
    logits, target = batch()
    logits.requires_grad_()
    value = LOSSES[name](logits, target)
    value.backward()
    assert logits.grad is not None
    assert [bool(g.any()) for g in logits.grad] == [True, True, False, False]
    assert target.valid is not None and target.present is not None
    known = Target(target.mask[:2], valid=target.valid[:2], present=target.present[:2])
    torch.testing.assert_close(LOSSES[name](logits[:2], known), value)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("rows", [[1], [2], [3], [2, 3]])
def test_batches_of_one_kind_are_finite(name: str, rows: list[int]) -> None:
    logits, target = batch()
    assert target.valid is not None and target.present is not None
    logits = logits[rows].requires_grad_()
    value = LOSSES[name](logits, Target(target.mask[rows], valid=target.valid[rows], present=target.present[rows]))
    value.backward()
    assert value.isfinite() and (value.item() == 0) == (rows != [1])
    assert logits.grad is not None and logits.grad.isfinite().all()


@pytest.mark.parametrize("loss", [soft_dice_loss, batch_dice_loss, squared_dice_loss])
def test_a_soft_mask_is_best_answered_with_itself(loss: Loss) -> None:
    """From any other answer the loss falls towards it; a product of the two falls towards 0 and 1."""
    torch.manual_seed(0)
    share = torch.rand(2, 1, 12, 12) * 0.96 + 0.02
    target, right = Target(share), share.logit()
    assert float(loss(right, target)) < 1e-5
    for other in (right + 0.5, right - 0.5, 3 * right, torch.zeros_like(right)):
        assert loss(other, target) > loss(0.9 * right + 0.1 * other, target)


def test_iou_of_a_soft_mask_is_best_answered_with_itself() -> None:
    torch.manual_seed(0)
    share = torch.rand(2, 1, 12, 12) * 0.96 + 0.02
    right = share.logit()
    assert float(structure_losses(right, Target(share), kernel=5)["iou"]) < 1e-5
    assert all(structure_losses(k * right, Target(share), kernel=5)["iou"] > 0.1 for k in (0.3, 3))


def test_a_target_too_small_for_a_smaller_size_is_not_taken_for_absent() -> None:
    mask = torch.zeros(2, 1, 16, 16)
    mask[0, 0, 0, 0] = 1  # between the pixels that nearest neighbour reads
    small = at_size(Target(mask), (4, 4))
    assert not small.mask.any()
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    cross_entropy_loss(logits, small).backward()
    assert logits.grad is not None
    assert [bool(g.any()) for g in logits.grad] == [False, True]
