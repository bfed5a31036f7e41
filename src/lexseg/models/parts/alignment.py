"""The space in which TMCA's cells and words are near or far (INFERRED; :mod:`lexseg.losses.alignment`)."""

from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.layers import ChannelNorm
from lexseg.losses.alignment import Projected
from lexseg.models.parts.positions import sine_positions_2d


class JointSpace(nn.Module):
    """Projects one level's map and the words into a space where cosines mean likeness (2.2).

        z(x) = norm(Conv1x1(GELU(Conv1x1(LN F) + p(x))));  w_n = norm(G(W_n));  t = norm(G(s)),  s the masked mean of W

    Args:
        channels: width of the level's map.
        text_dim: width of the words.
        dim: width of the space; divisible by 4 with positions.
        positions: whether p is a sine code of where the cell lies in the image (OURS); otherwise it is zero, and words
            such as "left" find their cells only by what a convolution's padding tells of the border.
    """

    def __init__(self, channels: int, text_dim: int, dim: int, *, positions: bool = False) -> None:
        super().__init__()
        self.positions = positions
        self.visual = nn.Sequential(
            ChannelNorm(channels), nn.Conv2d(channels, dim, 1), nn.GELU(), nn.Conv2d(dim, dim, 1)
        )
        self.text = nn.Sequential(nn.Linear(text_dim, dim), nn.LayerNorm(dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, features: Tensor, words: Tensor, sentence: Tensor) -> Projected:
        """Args: features: float[I, C, h, w]; words: float[B, L, D]; sentence: float[B, D]."""
        return Projected(self.project_image(features), *self.project_text(words, sentence))

    def project_image(self, features: Tensor) -> Tensor:
        """The map z: float[I, C, h, w] -> float[I, d, h, w], channels-last so that its cells lie side by side."""
        norm, into, act, out = self.visual
        hidden = _pointwise(into, norm(features).permute(0, 2, 3, 1))
        if self.positions:
            h, w, d = hidden.shape[1:]
            code = sine_positions_2d(h, w, d, device=hidden.device).to(hidden.dtype)
            hidden = hidden + code.unflatten(0, (h, w))
        return F.normalize(_pointwise(out, act(hidden)), dim=-1).permute(0, 3, 1, 2)

    def project_text(self, words: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """Words and sentence: float[B, L, D], float[B, D] -> float[B, L, d], float[B, d]."""
        return F.normalize(self.text(words), dim=-1), F.normalize(self.text(sentence), dim=-1)


def masked_mean(words: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that are there: float[B, L, D], bool[B, L] -> float[B, D]."""
    weight = mask.unsqueeze(-1).to(words.dtype)
    return (words * weight).sum(1) / weight.sum(1).clamp(min=1)


def _pointwise(conv: nn.Module, cells: Tensor) -> Tensor:
    """A 1x1 convolution of channels-last cells, float[..., C] -> float[..., D]."""
    assert isinstance(conv, nn.Conv2d)
    return F.linear(cells, conv.weight.flatten(1), conv.bias)
