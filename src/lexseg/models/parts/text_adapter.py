"""A small trainable transformer over the states of a frozen text encoder."""

from torch import Tensor, nn

from lexseg.models.parts.positions import sine_positions_1d


class TextAdapter(nn.Module):
    """Projects token states and lets them look at one another, with padding masked.

    A frozen general encoder spreads "which side has which zone" thinly over its tokens; one layer trained with the
    task gathers it. Ours: no paper's part.

    Args:
        width: of the incoming states.
        dim: of the outgoing ones.
        layers: transformer layers (pre-norm, 4 heads, MLP ratio 2).
        dropout: inside the layers.
    """

    def __init__(self, width: int, dim: int, layers: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        self.project = nn.Linear(width, dim)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, 4, 2 * dim, dropout, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Args: states: float[B, L, width]; mask: bool[B, L], at least one true a row. Returns float[B, L, dim]."""
        x = self.project(states)  # [B, L, dim]
        x = x + sine_positions_1d(x.shape[1], x.shape[2], device=x.device).to(x.dtype)
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~mask)
        out: Tensor = self.norm(x)
        return out
