"""What can be said of a place in an image without a network: how bright it is, and how its surroundings differ."""

import torch
from torch import Tensor
from torch.nn import functional as F

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
CURVED = 4.0
"""Up to this scale also edges and ridges are told: vessels are thin."""
COUNT = 3 + 4 * len(SCALES) + 3 * sum(scale <= CURVED for scale in SCALES)


def statistics(image: Tensor) -> Tensor:
    """Colour; at five scales the mean, the spread and two differences; at the finer ones slope and curvature.

    The curvatures are the eigenvalues of the Hessian, large and of opposite signs on bright and dark lines (Frangi et
    al., 1998). The brightness is that of the image's own 2nd to 98th percentile, so that two scanners look alike.

    Args:
        image: float[B, 3, H, W] in 0..1.

    Returns:
        float[B, COUNT, H, W].
    """
    gray = _stretched(image.float().mean(1, keepdim=True))
    told, finer = [_stretched(image.float())], gray
    for scale in SCALES:
        mean = blurred(gray, scale)
        spread = (blurred(gray.square(), scale) - mean.square()).clamp(min=0).sqrt()
        told += [mean, spread, gray - mean, finer - mean]
        if scale <= CURVED:
            told += _curved(mean, scale)
        finer = mean
    return torch.cat(told, 1)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of float[B, 1, H, W]; the border is repeated."""
    radius = round(3 * sigma)
    places = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-places.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    down = F.conv2d(F.pad(image, (0, 0, radius, radius), mode="replicate"), kernel[None, None, :, None])
    return F.conv2d(F.pad(down, (radius, radius, 0, 0), mode="replicate"), kernel[None, None, None, :])


def _stretched(image: Tensor) -> Tensor:
    flat = image.flatten(1)[:, :: max(1, image[0].numel() // 65_536)]
    low, high = torch.quantile(flat, torch.tensor([0.02, 0.98], device=image.device), dim=1)
    low, high = low[:, None, None, None], high[:, None, None, None]
    stretched: Tensor = (image - low) / (high - low).clamp(min=1e-3)
    return stretched.clamp(-0.5, 1.5)


def _curved(mean: Tensor, scale: float) -> list[Tensor]:
    across, down = _slope(mean, 3), _slope(mean, 2)
    xx, yy, xy = _slope(across, 3), _slope(down, 2), _slope(across, 2)
    middle, apart = (xx + yy) / 2, (((xx - yy) / 2).square() + xy.square()).clamp(min=0).sqrt()
    return [
        scale**2 * (middle + apart),
        scale**2 * (middle - apart),
        scale * (across.square() + down.square()).clamp(min=0).sqrt(),
    ]


def _slope(image: Tensor, dim: int) -> Tensor:
    """Half the difference of the two neighbours along a dimension."""
    ends = (1, 1, 0, 0) if dim == 3 else (0, 0, 1, 1)
    wide = F.pad(image, ends, mode="replicate")
    size = image.shape[dim]
    return (wide.narrow(dim, 2, size) - wide.narrow(dim, 0, size)) / 2
