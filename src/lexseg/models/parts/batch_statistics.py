"""What batch norms keep of the passes of a training."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def statistics_not_kept(module: nn.Module) -> Iterator[None]:
    """Within, the batch norms of ``module`` normalise as they would, and their running statistics stay as they are.

    In training that is by the statistics of the batch; in evaluation by the running ones, and nothing changes. For
    passes that no question will ever be like: what they look like has no place among what a model is asked with.
    """
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
