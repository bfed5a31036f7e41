"""CRIS's transformer decoder, and the projector whose kernel the sentence predicts."""

from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.parts.positions import sine_positions_1d, sine_positions_2d
from lexseg.models.parts.unet_decoder import conv_norm_relu


class CrisLayer(nn.Module):
    """Cells look at one another, then at the words, then each at itself; norms before and after both attentions.

        X += LN(MHSA(q = k = LN(X) + pos, v = LN(X)));  X += LN(MHCA(q = LN(X) + pos, k = T + pos, v = T))
        X += FFN(LN(X)), with a layer norm inside

    Reference: Wang et al., CRIS, CVPR 2022; the norms are the released code's.
    """

    def __init__(self, dim: int, text_dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.norm_self, self.norm_self_out = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.self_attention = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.norm_cross, self.norm_cross_out = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.cross_attention = nn.MultiheadAttention(
            dim, heads, dropout=dropout, batch_first=True, kdim=text_dim, vdim=text_dim
        )
        self.feedforward = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, feedforward),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.LayerNorm(feedforward),
            nn.Linear(feedforward, dim),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, positions: Tensor, keys: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Args: x: float[B, N, dim]; positions: float[N, dim]; keys, words: float[B, L, text_dim]; mask: bool[B, L]."""
        normed = self.norm_self(x)
        at = normed + positions
        x = x + self.dropout(self.norm_self_out(self.self_attention(at, at, normed, need_weights=False)[0]))
        query = self.norm_cross(x) + positions
        read = self.cross_attention(query, keys, words, key_padding_mask=~mask, need_weights=False)[0]
        x = x + self.dropout(self.norm_cross_out(read))
        out: Tensor = x + self.dropout(self.feedforward(x))
        return out


class CrisDecoder(nn.Module):
    """Layers of :class:`CrisLayer` over a map, and a last norm.

    Args:
        dim: width of the map.
        text_dim: width of the words.
        layers, heads, feedforward, dropout: of the transformer.
    """

    def __init__(
        self, dim: int, text_dim: int, *, layers: int = 3, heads: int = 8, feedforward: int = 2048, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CrisLayer(dim, text_dim, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Args: x: float[B, dim, h, w]; words: float[B, L, text_dim]; mask: bool[B, L]. Returns float like x."""
        b, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)  # [B, h w, dim]
        positions = sine_positions_2d(h, w, c, device=x.device).to(x.dtype)  # [h w, dim]
        keys = words + sine_positions_1d(words.shape[1], words.shape[2], device=x.device).to(words.dtype)
        for layer in self.layers:
            tokens = layer(tokens, positions, keys, words, mask)
        out: Tensor = self.norm(tokens).transpose(1, 2).reshape(b, c, h, w)
        return out


class DynamicProjector(nn.Module):
    """A 3x3 kernel and a bias, predicted from the sentence, are convolved over the map that is brought to stride 4.

        G = C1(CBR3(up2(CBR3(up2(F)))));  [K | b] = W s;  z = K * G + b

    Args:
        channels: width of F.
        sentence: width of s.
        dim: width of G.
        scaled: normalise s, and divide K by sqrt(9 dim), so that early logits stay small (OURS); false as released.
    """

    def __init__(self, channels: int, sentence: int, dim: int, *, scaled: bool = True) -> None:
        super().__init__()
        self.first, self.second = conv_norm_relu(channels, channels), conv_norm_relu(channels, dim)
        self.mix = nn.Conv2d(dim, dim, 1)
        self.norm: nn.Module = nn.LayerNorm(sentence) if scaled else nn.Identity()
        self.kernel = nn.Linear(sentence, 9 * dim + 1)
        self.scale = (9 * dim) ** -0.5 if scaled else 1.0

    def forward(self, x: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """Args: x: float[B, C, h, w]; sentence: float[B, D]. Returns logits float[B, 1, 4h, 4w] and G, of that size."""
        for block in (self.first, self.second):
            x = block(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False))
        x = self.mix(x)  # [B, dim, 4h, 4w]
        predicted = self.kernel(self.norm(sentence)).to(x.dtype)  # [B, 9 dim + 1]
        return dynamic_convolution(x, predicted[:, :-1] * self.scale, predicted[:, -1]), x


def dynamic_convolution(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """A 3x3 convolution with a kernel for each case: one grouped convolution, a group a case.

    Args:
        x: float[B, C, h, w].
        kernel: float[B, 9 C], channels outermost.
        bias: float[B].

    Returns:
        float[B, 1, h, w].
    """
    b, c, h, w = x.shape
    out = F.conv2d(x.reshape(1, b * c, h, w), kernel.reshape(b, c, 3, 3), bias, padding=1, groups=b)
    return out.transpose(0, 1)
