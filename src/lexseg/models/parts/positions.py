"""Sine positions at coordinates relative to the image, so that a model trained at one size runs at another."""

import math

import torch
from torch import Tensor


def sine_positions_1d(length: int, dim: int, *, device: torch.device | None = None) -> Tensor:
    """The usual sine and cosine code of token positions, float[length, dim]; dim is even.

    Reference: Vaswani et al., 2017, section 3.5.
    """
    rate = torch.exp(torch.arange(0, dim, 2, device=device) * (-math.log(10000.0) / dim))
    angle = torch.arange(length, device=device)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


def sine_positions_2d(height: int, width: int, dim: int, *, device: torch.device | None = None) -> Tensor:
    """Positions of a grid in row-major order, float[height * width, dim]; dim is divisible by 4.

    Half of the channels code the row, half the column. Coordinates are cell centres in 0..1, frequencies run from pi to
    16 pi: "lower left" is nearly the same code at 7x7 and at 28x28 cells.
    """
    bands = dim // 4
    octave = torch.logspace(0, 4, bands, base=2.0, device=device) if bands > 1 else torch.ones(1, device=device)

    def code(n: int) -> Tensor:
        centre = (torch.arange(n, device=device) + 0.5) / n
        angle = centre[:, None] * octave * math.pi
        return torch.cat([angle.sin(), angle.cos()], -1)

    rows = code(height)[:, None].expand(-1, width, -1)
    columns = code(width)[None].expand(height, -1, -1)
    positions = torch.cat([rows, columns], -1).flatten(0, 1)
    return torch.nn.functional.pad(positions, (0, dim - positions.shape[-1]))
