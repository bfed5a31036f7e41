"""From scribbles on an image to a mask of it: the random walker (Grady, 2006)."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import cg

from lexseg.fewshot.labels import TARGET, UNKNOWN, Labels

_SHARP = 30.0
"""How much less a walker crosses an edge as high as the image's own spread; chosen on simulated scribbles."""
_LEAST = 1e-4  # no place is cut off


def grown(image: NDArray[np.float32], labels: Labels) -> NDArray[np.float32]:
    """How likely a walker that starts at a pixel, and shuns edges, first meets a label of the target.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
        labels: uint8[H, W], with both classes.

    Returns:
        float32[H, W], 1 on the target's labels and 0 on the others.

    Raises:
        ValueError: a class has no label.
    """
    known = labels != UNKNOWN
    wanted = (labels == TARGET) & known
    if not wanted.any() or not (known & ~wanted).any():
        raise ValueError("labels of both classes were expected")
    pixels = image[..., None] if image.ndim == 2 else image
    near = _neighbours(pixels.astype(np.float64))
    degree = np.asarray(near.sum(1)).ravel()
    free = ~known.ravel()
    found = wanted.ravel().astype(np.float64)
    if free.any():
        laplacian = (sp.diags(degree) - near).tocsr()
        inner = laplacian[free][:, free]
        pulled = np.asarray(near @ found).ravel()[free]
        start = np.full(int(free.sum()), 0.5)
        solved, _ = cg(inner, pulled, x0=start, M=sp.diags(1 / degree[free]), rtol=1e-3, maxiter=400)
        found[free] = solved
    return np.asarray(found.reshape(labels.shape).clip(0, 1), np.float32)


def _neighbours(pixels: NDArray[np.float64]) -> sp.csr_matrix:
    """How easily a walker goes from each pixel to the four beside it: float[N, N]."""
    height, width = pixels.shape[:2]
    index = np.arange(height * width).reshape(height, width)
    spread = float(pixels.reshape(-1, pixels.shape[2]).std(0).mean()) ** 2 + 1e-9
    pairs = [
        (np.square(pixels[1:] - pixels[:-1]).mean(2), index[1:], index[:-1]),
        (np.square(pixels[:, 1:] - pixels[:, :-1]).mean(2), index[:, 1:], index[:, :-1]),
    ]
    apart, one, other = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in range(3))
    ease = np.exp(-_SHARP * apart / spread) + _LEAST
    both = (np.concatenate([one, other]), np.concatenate([other, one]))
    return sp.coo_matrix((np.concatenate([ease, ease]), both), shape=(index.size, index.size)).tocsr()
