"""Two towers: an image encoder and a text encoder in one space, trained on images and sentences without masks.

MedCLIP-SAMv2-style, and no CLIP: no such pair comes in a package, so ours is made of what does (Lite0 and MiniLM), or
of any image encoder and text encoder that the user names. The dense likeness is OURS: cells are compared with the
sentence, and the image with it by the cells that are most like it, so that a map of what the words mean comes with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import Normalize
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.positions import sine_positions_2d
from lexseg.models.parts.text_input import TextInput, trained_text_encoder

Pooling = Literal["words", "image"]
_LOG_BOUNDS = -4.605, -0.693  # of tau: 0.01 and 0.5


class Towers(nn.Module):
    """How much an image and a sentence are alike, and where.

        z(x) = Conv1x1(GELU(Conv1x1(norm F(x)) + p(x))),  t = norm(G(masked mean of the tokens))
        words: s = sum_x a(x) cos(z(x), t),  a = softmax_x(cos(z(x), t) / tau_p)
        image: s = cos(sum_x a(x) z(x), t),  a = softmax_x(of the image alone)

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained along; ``None`` where it is frozen and stands
            outside.
        dim: width of the space; divisible by 4.
        strides: of the encoder's maps that F is made of, brought to the size of the first.
        positions: whether p is a sine code of where the cell lies; otherwise it is zero.
        pooling: which cells speak for the image: those most like the words, or those that the image alone points at (as
            CLIP's towers have it).
    """

    def __init__(
        self,
        *,
        encoder: str = "efficientnet-lite0",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 384,
        text_encoder: Mapping[str, Any] | None = None,
        dim: int = 256,
        strides: Sequence[int] = (16, 32),
        positions: bool = True,
        pooling: Pooling = "words",
    ) -> None:
        super().__init__()
        if pooling not in ("words", "image"):
            raise ValueError(f"pooling is {pooling!r}; 'words' or 'image' was expected")
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        self.levels = [self.encoder.strides.index(stride) for stride in strides]
        width = sum(self.encoder.channels[level] for level in self.levels)
        self.even = nn.BatchNorm2d(width, affine=False)
        self.into, self.out = nn.Conv2d(width, dim, 1), nn.Conv2d(dim, dim, 1)
        self.attention = nn.Conv2d(dim, 1, 1) if pooling == "image" else None
        self.text_input = TextInput(text_width, trained_text_encoder(text_encoder))
        self.text = nn.Sequential(nn.Linear(text_width, dim), nn.LayerNorm(dim), nn.GELU(), nn.Linear(dim, dim))
        self.positions = positions
        self.log_temperature = nn.Parameter(torch.tensor(0.07).log())
        self.log_sharpness = nn.Parameter(torch.tensor(0.1).log())

    def see(self, image: Tensor) -> "Seen":
        """Read images, float[I, 3, H, W] in 0..1, once for all that is said of them."""
        maps = self.encoder(self.normalize(image))
        chosen = [maps[level] for level in self.levels]
        size = (chosen[0].shape[-2], chosen[0].shape[-1])
        joined = torch.cat([m if m.shape[-2:] == size else _resized(m, size) for m in chosen], 1)
        hidden = self.into(self.even(joined))
        if self.positions:
            code = sine_positions_2d(*size, hidden.shape[1], device=hidden.device).to(hidden.dtype)
            hidden = hidden + code.T.unflatten(1, size)
        hidden = F.gelu(hidden)
        weight = None if self.attention is None else self.attention(hidden).flatten(2).float().softmax(-1)
        return Seen(self.out(hidden).float(), weight)

    def sentence(self, text: TextBatch) -> Tensor:
        """Unit vectors float[B, d] of the sentences."""
        words, mask = self.text_input(text)
        vectors: Tensor = self.text(masked_mean(words, mask))
        return F.normalize(vectors.float(), dim=-1)

    def likeness(self, seen: "Seen", sentence: Tensor) -> Tensor:
        """Of every image and every sentence: float[B, d] -> float[I, B], -1..1."""
        if seen.weight is not None:
            return self._vector(seen) @ sentence.T
        return self._nearest(torch.einsum("idn,jd->ijn", seen.unit, sentence))

    def own_likeness(self, seen: "Seen", sentence: Tensor) -> Tensor:
        """The diagonal of :meth:`likeness` alone: float[B]."""
        if seen.weight is not None:
            return (self._vector(seen) * sentence).sum(-1)
        return self._nearest(torch.einsum("idn,id->in", seen.unit, sentence))

    def forward(self, image: Tensor, text: TextBatch) -> Tensor:
        """Likeness float[B] of each image and its own sentence."""
        return self.own_likeness(self.see(image), self.sentence(text))

    def relevance(self, seen: "Seen", sentence: Tensor) -> Tensor:
        """How like its own sentence each cell is: cosines float[B, 1, h, w]."""
        cosine = torch.einsum("idn,id->in", seen.unit, sentence)
        h, w = seen.cells.shape[-2:]
        return cosine.reshape(-1, 1, h, w)

    def temperature(self) -> Tensor:
        """Tau of the contrast, 0.01 to 0.5."""
        return self.log_temperature.clamp(*_LOG_BOUNDS).exp()

    def head_state(self) -> dict[str, Tensor]:
        """All weights but the image encoder's."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}

    def _nearest(self, cosine: Tensor) -> Tensor:
        attention = (cosine / self.log_sharpness.clamp(*_LOG_BOUNDS).exp()).softmax(-1)
        return (attention * cosine).sum(-1)

    @staticmethod
    def _vector(seen: "Seen") -> Tensor:
        assert seen.weight is not None
        return F.normalize((seen.cells.flatten(2) * seen.weight).sum(-1), dim=-1)


@dataclass(frozen=True, slots=True)
class Seen:
    """Images as towers see them. Attributes: cells: float[I, d, h, w]; weight: float[I, 1, n] of cells, or ``None``."""

    cells: Tensor
    weight: Tensor | None

    @property
    def unit(self) -> Tensor:
        """The cells as unit vectors, float[I, d, n]."""
        return F.normalize(self.cells, dim=1).flatten(2)


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
