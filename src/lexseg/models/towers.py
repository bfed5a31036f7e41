"""Two towers: an image encoder and a text encoder in one space, trained on images and sentences without masks.

MedCLIP-SAMv2-style, and no CLIP: no such pair comes in a package, so ours is made of what does (Lite0 and MiniLM), or
of any image encoder and text encoder that the user names. The ways in which an image speaks are OURS: reports say where
and how large, so an image may be let speak by nothing but where it attends and how much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import Normalize
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.positions import sine_positions_2d
from lexseg.models.parts.text_input import TextInput, trained_text_encoder

Pooling = Literal["map+words", "map", "words", "image"]
_COARSE = 6  # cells a side in which a map speaks
_ANYWHERE = 0.2  # what is left of the attention at the cell that is least like the words
_LOG_BOUNDS = -4.605, -0.693  # of tau: 0.01 and 0.5


class Towers(nn.Module):
    """How much an image and a sentence are alike, and where.

        h(x) = Conv1x1(norm F(x)),  z(x) = Conv1x1(GELU(h(x) + p(x))),  t = norm(G(masked mean of the tokens))
        map:   s = cos(MLP([m / mean m, log mean m]), t),  m = 6 x 6 means of g,  g(x) = sigmoid(Conv1x1(GELU(h(x))))
        words: s = sum_x a(x) cos(z(x), t),  a = softmax_x(cos(z(x), t) / tau_p)
        image: s = cos(sum_x a(x) z(x), t),  a = softmax_x(Conv1x1(GELU(h(x) + p(x))))

    ``map+words`` is the mean of both, and each is trained. With ``map`` cells do not know where they lie, and all that
    is told of them is where they attend: to tell sentences of different places and sizes apart, they have to attend to
    what those sentences are about.

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained along; ``None`` where it is frozen and stands
            outside.
        dim: width of the space; divisible by 4.
        strides: of the encoder's maps that F is made of, brought to the size of the first.
        positions: whether p is a sine code of where the cell lies; otherwise it is zero.
        pooling: how an image speaks: by where it attends, by the cells most like the words, by both, or by the mean of
            the cells that it attends to (as CLIP's towers have it).
    """

    def __init__(
        self,
        *,
        encoder: str = "efficientnet-lite0",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 384,
        text_encoder: Mapping[str, Any] | None = None,
        dim: int = 256,
        strides: Sequence[int] = (8, 16, 32),
        positions: bool = True,
        pooling: Pooling = "map+words",
    ) -> None:
        super().__init__()
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling is {pooling!r}; one of {', '.join(get_args(Pooling))} was expected")
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        self.levels = [self.encoder.strides.index(stride) for stride in strides]
        width = sum(self.encoder.channels[level] for level in self.levels)
        self.even = nn.BatchNorm2d(width, affine=False)
        self.pooling: Pooling = pooling
        self.ways = pooling.split("+")
        self.into, self.out = nn.Conv2d(width, dim, 1), nn.Conv2d(dim, dim, 1)
        self.attention = nn.Conv2d(dim, 1, 1)
        nn.init.constant_(cast(Tensor, self.attention.bias), -1.0)  # what is spoken of is the smaller part of an image
        told = _COARSE * _COARSE + 1
        self.tell = nn.Sequential(nn.Linear(told, dim), nn.GELU(), nn.Linear(dim, dim))
        self.text_input = TextInput(text_width, trained_text_encoder(text_encoder))
        self.text = nn.Sequential(nn.Linear(text_width, dim), nn.LayerNorm(dim), nn.GELU(), nn.Linear(dim, dim))
        self.positions = positions
        self.log_temperature = nn.Parameter(torch.tensor(0.07).log())
        self.log_sharpness = nn.Parameter(torch.tensor(0.1).log())

    def see(self, image: Tensor) -> "TowerView":
        """Read images, float[I, 3, H, W] in 0..1, once for all that is said of them."""
        maps = self.encoder(self.normalize(image))
        chosen = [maps[level] for level in self.levels]
        size = (chosen[0].shape[-2], chosen[0].shape[-1])
        joined = torch.cat([m if m.shape[-2:] == size else _resized(m, size) for m in chosen], 1)
        hidden = placed = self.into(self.even(joined))
        if self.positions:
            code = sine_positions_2d(*size, hidden.shape[1], device=hidden.device).to(hidden.dtype)
            placed = hidden + code.T.unflatten(1, size)
        attention = self.attention(F.gelu(placed if self.pooling == "image" else hidden))
        return TowerView(self.out(F.gelu(placed)).float(), attention.float())

    def sentence(self, text: TextBatch) -> Tensor:
        """Unit vectors float[B, d] of the sentences."""
        words, mask = self.text_input(text)
        vectors: Tensor = self.text(masked_mean(words, mask))
        return F.normalize(vectors.float(), dim=-1)

    def likenesses(self, seen: "TowerView", sentence: Tensor) -> list[Tensor]:
        """Of every image and every sentence, float[B, d] -> float[I, B], -1..1, by each way in which images speak."""
        return [
            self._nearest(torch.einsum("idn,jd->ijn", seen.unit, sentence))
            if way == "words"
            else self._vector(seen, way) @ sentence.T
            for way in self.ways
        ]

    def likeness(self, seen: "TowerView", sentence: Tensor) -> Tensor:
        """The mean of all ways: float[I, B]."""
        return torch.stack(self.likenesses(seen, sentence)).mean(0)

    def own_likeness(self, seen: "TowerView", sentence: Tensor) -> Tensor:
        """The diagonal of :meth:`likeness` alone: float[B]."""
        found = [
            self._nearest(torch.einsum("idn,id->in", seen.unit, sentence))
            if way == "words"
            else (self._vector(seen, way) * sentence).sum(-1)
            for way in self.ways
        ]
        return torch.stack(found).mean(0)

    def forward(self, image: Tensor, text: TextBatch) -> Tensor:
        """Likeness float[B] of each image and its own sentence."""
        return self.own_likeness(self.see(image), self.sentence(text))

    def relevance(self, seen: "TowerView", sentence: Tensor) -> Tensor:
        """Where in its image each sentence, float[B, d], is true: float[B, 1, h, w].

        The cosines of the cells; with ``map+words`` where the image attends, times what the cosines leave of it; with
        ``map`` alone where it attends, whatever the words.
        """
        attended = seen.attention.sigmoid()
        if self.ways == ["map"]:
            return attended.expand(len(sentence), -1, -1, -1)
        cosine = torch.einsum("idn,id->in", seen.unit, sentence)
        h, w = seen.cells.shape[-2:]
        if self.ways == ["words"] or "map" not in self.ways:
            return cosine.reshape(-1, 1, h, w)
        low, high = cosine.amin(1, keepdim=True), cosine.amax(1, keepdim=True)
        near = (cosine - low) / (high - low).clamp(min=1e-6)
        return attended * (_ANYWHERE + near.reshape(-1, 1, h, w))

    def temperature(self) -> Tensor:
        """Tau of the contrast, 0.01 to 0.5."""
        return self.log_temperature.clamp(*_LOG_BOUNDS).exp()

    def head_state(self) -> dict[str, Tensor]:
        """All weights but the image encoder's."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}

    def _nearest(self, cosine: Tensor) -> Tensor:
        attention = (cosine / self.log_sharpness.clamp(*_LOG_BOUNDS).exp()).softmax(-1)
        return (attention * cosine).sum(-1)

    def _vector(self, seen: "TowerView", way: str) -> Tensor:
        if way == "image":
            weight = seen.attention.flatten(2).softmax(-1)
            return F.normalize((seen.cells.flatten(2) * weight).sum(-1), dim=-1)
        coarse = F.adaptive_avg_pool2d(seen.attention.sigmoid(), _COARSE).flatten(1)
        area = coarse.mean(1, keepdim=True)
        told: Tensor = self.tell(torch.cat([coarse / area.clamp(min=1e-4), (area + 1e-3).log()], 1))
        return F.normalize(told, dim=-1)


@dataclass(frozen=True, slots=True)
class TowerView:
    """Images as towers see them: cells float[I, d, h, w], and attention float[I, 1, h, w] before a sigmoid."""

    cells: Tensor
    attention: Tensor

    @property
    def unit(self) -> Tensor:
        """The cells as unit vectors, float[I, d, n]."""
        return F.normalize(self.cells, dim=1).flatten(2)


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
