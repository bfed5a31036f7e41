"""Losses of boxes: L1 and generalised IoU (Rezatofighi et al. 2019)."""

import torch
from torch import Tensor


def corners(boxes: Tensor) -> Tensor:
    """Centre and size, float[B, 4] as (row, column, height, width), as (top, left, bottom, right)."""
    middle, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([middle - half, middle + half], dim=1)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU = IoU - (|hull| - |union|) / |hull| of boxes float[B, 4] (top, left, bottom, right): float[B] in -1..1."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    union = _area(first) + _area(second) - both
    hull = (torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])).prod(1)
    return both / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
