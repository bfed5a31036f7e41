"""One encoder for two kinds of images: shared convolutions, statistics of their own."""

import copy

import torch
from torch import Tensor, nn


class BranchNorm(nn.Module):
    """A batch norm for each half of the batch.

    Reference: domain-specific batch norm (Chang et al., 2019); its use for FMISeg's two frequencies is OURS.

    Args:
        norm: what both start as.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.first, self.second = norm, copy.deepcopy(norm)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[2 B, C, h, w], the first branch's B images, then the second's."""
        one, other = x.chunk(2)
        return torch.cat([self.first(one), self.second(other)])


def branch_norms(module: nn.Module) -> None:
    """Give every batch norm inside ``module`` a twin."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, BranchNorm(child))
        else:
            branch_norms(child)
