"""The structure loss against loops over pixels; the boundary's weights must count."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.segmentation import cross_entropy_loss
from lexseg.losses.structure import structure_losses
from lexseg.losses.target import Target


def example(n: int = 3, size: tuple[int, int] = (9, 8)) -> tuple[Tensor, Target]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(n, 1, *size)
    for i in range(n):
        mask[i, :, 2 : 5 + i, 1:6] = 1
    return torch.randn(n, 1, *size, generator=generator) * 2, Target(mask)


def by_hand(logits: Tensor, mask: Tensor, kernel: int) -> tuple[float, float]:
    """One image: cross-entropy and IoU, pixel by pixel."""
    x, y = logits.double().numpy(), mask.double().numpy()
    (h, w), r = x.shape, kernel // 2
    total = crossed = overlap = union = 0.0
    for i in range(h):
        for j in range(w):
            box = y[max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1].sum() / kernel**2
            weight, p = 1 + 5 * abs(box - y[i, j]), 1 / (1 + np.exp(-x[i, j]))
            total += weight
            crossed -= weight * (y[i, j] * np.log(p) + (1 - y[i, j]) * np.log(1 - p))
            overlap += weight * p * y[i, j]
            union += weight * (p + y[i, j] - p * y[i, j])
    return crossed / total, 1 - (overlap + 1) / (union + 1)


def test_it_is_what_the_formula_says() -> None:
    logits, target = example()
    expected = np.mean([by_hand(x[0], y[0], 5) for x, y in zip(logits, target.mask, strict=True)], axis=0)
    losses = structure_losses(logits, target, kernel=5)
    assert [float(losses["bce"]), float(losses["iou"])] == pytest.approx(list(expected), rel=1e-5)


def test_a_mistake_at_the_boundary_costs_more_but_not_as_published() -> None:
    """Two masks with one wrong pixel each, in the middle of the target and at its corner."""
    mask = torch.zeros(1, 1, 15, 15)
    mask[..., 3:12, 3:12] = 1
    inner, corner = (16 * mask - 8 for _ in range(2))
    inner[..., 7, 7] = corner[..., 3, 3] = -8
    right, released = (
        [structure_losses(x, Target(mask), kernel=5, as_published=fault) for x in (inner, corner)]
        for fault in (False, True)
    )
    assert right[1]["bce"] > 2 * right[0]["bce"]
    torch.testing.assert_close(released[1]["bce"], released[0]["bce"])
    torch.testing.assert_close(released[1]["bce"], cross_entropy_loss(corner, Target(mask)))
    torch.testing.assert_close([v["iou"] for v in right], [v["iou"] for v in released])


def test_torch_still_reads_the_misspelt_switch_as_a_mean() -> None:
    """What the fault rests on."""
    logits, target = example()
    with pytest.warns(UserWarning, match="deprecated"):
        value = F.binary_cross_entropy_with_logits(logits, target.mask, reduce="none")
    assert value.dim() == 0


@pytest.mark.parametrize("term", ["bce", "iou"])
def test_unknown_pixels_count_nowhere(term: str) -> None:
    logits, target = example()
    valid = torch.ones_like(target.mask, dtype=torch.bool)
    valid[..., 5:] = False
    logits.requires_grad_()
    value = structure_losses(logits, replace(target, valid=valid), kernel=5)[term]
    other = replace(target, mask=torch.where(valid, target.mask, 1 - target.mask), valid=valid)
    torch.testing.assert_close(structure_losses(logits, other, kernel=5)[term], value)
    value.backward()
    assert logits.grad is not None
    assert not logits.grad[..., 5:].any()
    assert logits.grad[..., :5].abs().min() > 0


@pytest.mark.parametrize("as_published", [False, True])
def test_cases_count_by_their_weight(as_published: bool) -> None:
    logits, target = example()
    weighted = structure_losses(
        logits, replace(target, weight=torch.tensor([0.0, 1.0, 0.0])), kernel=5, as_published=as_published
    )
    alone = structure_losses(logits[1:2], Target(target.mask[1:2]), kernel=5, as_published=as_published)
    torch.testing.assert_close(weighted, alone)


def test_a_box_has_a_middle() -> None:
    logits, target = example()
    with pytest.raises(ValueError, match="odd side"):
        structure_losses(logits, target, kernel=4)
