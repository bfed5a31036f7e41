"""One map at several sizes."""

from collections.abc import Iterable

from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]


def pyramid(x: Tensor, sizes: Iterable[Size]) -> dict[Size, Tensor]:
    """The mean of each cell, as ``adaptive_avg_pool2d`` has it, of the next larger map where its cells are whole.

    Args:
        x: float[B, C, H, W].
        sizes: (h, w) wanted.

    Returns:
        float[B, C, h, w] by size.
    """
    found: dict[Size, Tensor] = {}
    last = x
    for size in sorted(set(sizes), reverse=True):
        found[size] = F.adaptive_avg_pool2d(last if _whole(last, size) else x, size)
        if _whole(x, size):
            last = found[size]
    return found


def _whole(x: Tensor, size: Size) -> bool:
    return x.shape[-2] % size[0] == x.shape[-1] % size[1] == 0


def size_of(x: Tensor) -> Size:
    """(h, w) of float[..., h, w]."""
    return x.shape[-2], x.shape[-1]
