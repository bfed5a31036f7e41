"""Batch norms whose running statistics do not follow a batch of another kind than the model will be asked about."""

import contextlib
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextlib.contextmanager
def frozen_norms(model: nn.Module) -> Iterator[None]:
    """While this lasts, batch norms use their running statistics and leave them, as in evaluation; all else trains.

    For patches and mixed images: their statistics are not those of the images that the model will be asked about.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
