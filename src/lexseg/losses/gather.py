"""The rows of all devices: contrast is of the whole batch, not of the share that one device holds."""

from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional as F


def rank_and_world() -> tuple[int, int]:
    """Which of how many devices this is."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def gathered(x: Tensor) -> Tensor:
    """The rows of all devices, in the order of their ranks: [B, ...] -> [W B, ...]; on one device, as they are.

    Every device must come here, with equally many rows. Gradients flow back to the device that a row is of, summed over
    all devices' losses: where each computes the same loss and the gradients of weights are averaged (as DDP does), the
    result is the gradient of one device with the whole batch.
    """
    if rank_and_world()[1] == 1:
        return x
    if x.dtype == torch.bool:
        return gathered(x.to(torch.uint8)).bool()
    out: Tensor = _Gather.apply(x.contiguous())  # type: ignore[no-untyped-call]
    return out


def gathered_words(words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """float[B, L, d], bool[B, L] -> float[W B, M, d], bool[W B, M]: all devices' words, padded to the longest."""
    if rank_and_world()[1] == 1:
        return words, mask
    longest = torch.tensor(mask.shape[1], device=mask.device)
    distributed.all_reduce(longest, distributed.ReduceOp.MAX)
    more = int(longest) - mask.shape[1]
    return gathered(F.pad(words, (0, 0, 0, more))), gathered(F.pad(mask, (0, more)))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        shares = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
        distributed.all_gather(shares, x)
        return torch.cat(shares)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].contiguous()
        distributed.all_reduce(whole)
        return whole.chunk(distributed.get_world_size())[distributed.get_rank()]
