"""Multiply-adds of a call."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def count_macs(call: Callable[[], object], model: nn.Module | None = None) -> int:
    """Multiply-adds of all products and convolutions of a call; sums, norms and interpolations are not counted.

    PyTorch's counter knows neither the fused attention of a CPU nor its fused transformer layers, and counts nothing
    for them. They are switched off while it counts, which changes what is computed by rounding only.

    Args:
        call: what is counted.
        model: whose parameters are without gradients meanwhile: the counter fails on one that is a module's input.
    """
    trained = [] if model is None else [p for p in model.parameters() if p.requires_grad]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            call()
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops()) // 2  # it counts a multiplication and an addition as two
