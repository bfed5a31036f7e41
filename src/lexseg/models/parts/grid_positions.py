"""Positions of the cells of a map: learnt on a fixed grid as the papers have them, or computed for any size."""

import torch
from torch import Tensor, nn

from lexseg.models.parts.positions import sine_positions_2d
from lexseg.models.parts.unet_decoder import resize


class GridPositions(nn.Module):
    """Adds to each cell where it is.

    Args:
        dim: width of the map.
        grid: side of a learnt grid, zero at the start and brought to the map's size (bilinear, OURS; the released codes
            run at one size only); 0 is sine positions.
    """

    def __init__(self, dim: int, grid: int = 0) -> None:
        super().__init__()
        self.dim = dim
        self.table = nn.Parameter(torch.zeros(1, dim, grid, grid)) if grid else None

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, dim, h, w]. Returns the same shape."""
        h, w = x.shape[-2:]
        if self.table is not None:
            return x + resize(self.table, (h, w))
        return x + sine_positions_2d(h, w, self.dim, device=x.device).to(x.dtype).T.reshape(1, self.dim, h, w)
