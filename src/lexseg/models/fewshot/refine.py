"""A map of scores that follows the edges of its image: the guided filter (He, Sun and Tang, 2010)."""

from torch import Tensor
from torch.nn import functional as F


def guided_filter(scores: Tensor, image: Tensor, *, radius: int, eps: float) -> Tensor:
    """Within each window the scores become a straight function of the brightness, and the windows are averaged.

    Args:
        scores: float[B, 1, H, W].
        image: float[B, 1, H, W], the guide, in 0..1.
        radius: of the window, in pixels.
        eps: below this variance a window counts as flat, and is averaged.

    Returns:
        float[B, 1, H, W].
    """
    mean_i, mean_s = _box(image, radius), _box(scores, radius)
    variance = _box(image * image, radius) - mean_i * mean_i
    slope = (_box(image * scores, radius) - mean_i * mean_s) / (variance + eps)
    offset = mean_s - slope * mean_i
    return _box(slope, radius) * image + _box(offset, radius)


def _box(image: Tensor, radius: int) -> Tensor:
    """The mean over a window of 2 radius + 1 pixels; at the border over what is there of it."""
    side = 2 * radius + 1
    return F.avg_pool2d(image, side, stride=1, padding=radius, count_include_pad=False)
