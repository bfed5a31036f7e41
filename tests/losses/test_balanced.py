"""LViT's losses against MONAI and by hand, with known pixels and case weights."""

import pytest
import torch
from monai.losses import DiceLoss
from torch.nn import functional as F

from lexseg.losses.balanced import balanced_cross_entropy_loss, squared_dice_loss
from lexseg.losses.target import Target

from .test_segmentation import example

LOSSES = [squared_dice_loss, balanced_cross_entropy_loss]


def test_dice_of_squares_is_that_of_monai() -> None:
    logits, mask = example()
    mask[1] = 0
    reference = DiceLoss(sigmoid=True, squared_pred=True, smooth_nr=1.0, smooth_dr=1.0)(logits, mask)
    torch.testing.assert_close(squared_dice_loss(logits, Target(mask), absent_smooth=None), reference)


def test_target_and_background_count_the_same() -> None:
    logits, mask = example()
    each = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    expected = 0.5 * each[mask > 0].mean() + 0.5 * each[mask == 0].mean()
    torch.testing.assert_close(balanced_cross_entropy_loss(logits, Target(mask)), expected)
    background = torch.zeros_like(mask)
    half = 0.5 * F.binary_cross_entropy_with_logits(logits, background)
    torch.testing.assert_close(balanced_cross_entropy_loss(logits, Target(background), as_published=True), half)


@pytest.mark.parametrize("loss", LOSSES)
def test_unknown_pixels_and_cases_without_weight_count_nowhere(loss) -> None:  # type: ignore[no-untyped-def]
    logits, mask = example()
    valid = torch.zeros_like(mask, dtype=torch.bool)
    valid[..., :6] = True
    weight = torch.tensor([1.0, 1.0, 0.0, 1.0])
    keep = weight > 0
    expected = loss(logits[keep][..., :6], Target(mask[keep][..., :6]))
    torch.testing.assert_close(loss(logits, Target(mask, valid=valid, weight=weight)), expected)
