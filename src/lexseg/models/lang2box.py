"""Lang2Box, LIMIS-style: the box of what a sentence names, from an image encoder and a text encoder.

The paper's detector, its weights and its training are not public; this head is OURS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.box import corners, generalised_iou
from lexseg.models.base import Normalize
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.positions import sine_positions_2d

_TAU = 0.1
_L1, _GIOU, _CONTRAST, _PRESENT = 5.0, 2.0, 1.0, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Of each image and its sentence.

    Attributes:
        boxes: float[B, 4], row, column, height and width as shares of the image, 0..1.
        present: logits float[B] of whether what is named is there.
        alike: float[B, h, w], how much each cell is like the sentence.
    """

    boxes: Tensor
    present: Tensor
    alike: Tensor


class Lang2Box(nn.Module):
    """A box and a presence for a sentence.

        h(x) = GELU(Conv1x1(norm F(x))) + p(x),  t = Linear(masked mean of the tokens),  a(x) = cos(W h(x), t)
        box = sigmoid(MLP([sum_x softmax(a / tau) h(x), E pos, Var pos, t])),  present = MLP([max a, mean a, pooled, t])

    Args:
        encoder: name of the image encoder, which stays as it is.
        encoder_args: its keywords.
        text_width: width of the token states.
        dim: width of the space; divisible by 4.
        strides: of the encoder's maps, brought to the size of the first.
    """

    def __init__(
        self,
        *,
        encoder: str = "efficientnet-lite0",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 384,
        dim: int = 128,
        strides: Sequence[int] = (16, 32),
    ) -> None:
        super().__init__()
        self.encoder = create_image_encoder(encoder, **(encoder_args or {})).requires_grad_(False)
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        self.levels = [self.encoder.strides.index(stride) for stride in strides]
        width = sum(self.encoder.channels[level] for level in self.levels)
        self.even = nn.BatchNorm2d(width, affine=False)
        self.into, self.cells = nn.Conv2d(width, dim, 1), nn.Conv2d(dim, dim, 1)
        self.ask = nn.Linear(text_width, dim)
        self.box = nn.Sequential(nn.Linear(2 * dim + 4, dim), nn.GELU(), nn.Linear(dim, 4))
        self.there = nn.Sequential(nn.Linear(2 * dim + 2, dim), nn.GELU(), nn.Linear(dim, 1))

    def train(self, mode: bool = True) -> "Lang2Box":
        """The image encoder stays as it is, its statistics too."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, image: Tensor, text: TextBatch) -> Boxes:
        """Boxes of images float[B, 3, H, W] in 0..1, each by its sentence."""
        with torch.no_grad():
            maps = self.encoder(self.normalize(image))
        first = maps[self.levels[0]]
        size = (first.shape[-2], first.shape[-1])
        joined = torch.cat([F.interpolate(maps[i], size, mode="bilinear") for i in self.levels], dim=1)
        seen = F.gelu(self.into(self.even(joined)))
        places = sine_positions_2d(*size, seen.shape[1], device=seen.device)
        seen = seen + places.to(seen.dtype).T.reshape(1, -1, *size)
        if text.states is None:
            raise ValueError("a frozen text encoder's states were expected")
        asked = self.ask(masked_mean(text.states, text.attention_mask))
        alike = torch.einsum("bchw,bc->bhw", F.normalize(self.cells(seen), dim=1), F.normalize(asked, dim=1))
        share = (alike / _TAU).flatten(1).softmax(1)
        pooled = torch.einsum("bcn,bn->bc", seen.flatten(2), share)
        told = torch.cat([pooled, _where(share, size), asked], dim=1)
        level = torch.stack([alike.flatten(1).amax(1), alike.flatten(1).mean(1)], dim=1)
        present = self.there(torch.cat([pooled, level, asked], dim=1))[:, 0]
        return Boxes(self.box(told).sigmoid(), present, alike)


def lang2box_loss(found: Boxes, boxes: Tensor, present: Tensor) -> Tensor:
    """L1 + GIoU + contrast of cells inside and outside the box, of what is there; cross-entropy of whether it is.

    Args:
        found: the answers.
        boxes: float[B, 4] as in :class:`Boxes`; read only where something is present.
        present: bool[B].
    """
    loss = _PRESENT * F.binary_cross_entropy_with_logits(found.present, present.float())
    if not present.any():
        return loss
    mine, true, alike = found.boxes[present], boxes[present], found.alike[present] / _TAU
    l1 = (mine - true).abs().sum(1).mean()
    giou = (1 - generalised_iou(corners(mine), corners(true))).mean()
    inside = _inside(true, (alike.shape[1], alike.shape[2]))
    near = alike.masked_fill(~inside, -torch.inf).flatten(1).logsumexp(1) - inside.flatten(1).sum(1).log()
    contrast = (alike.flatten(1).logsumexp(1) - near).mean()
    return loss + _L1 * l1 + _GIOU * giou + _CONTRAST * contrast


def _inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The cells bool[B, h, w] of boxes; at least the one that holds the middle."""
    ends = corners(boxes)
    rows = (torch.arange(size[0], device=boxes.device) + 0.5) / size[0]
    columns = (torch.arange(size[1], device=boxes.device) + 0.5) / size[1]
    across = (columns >= ends[:, 1:2]) & (columns <= ends[:, 3:4])
    inside = ((rows >= ends[:, 0:1]) & (rows <= ends[:, 2:3]))[:, :, None] & across[:, None]
    row = (boxes[:, 0] * size[0]).long().clamp(0, size[0] - 1)
    column = (boxes[:, 1] * size[1]).long().clamp(0, size[1] - 1)
    inside[torch.arange(len(boxes)), row, column] = True
    return inside


def _where(share: Tensor, size: tuple[int, int]) -> Tensor:
    """Mean and spread, float[B, 4], of where the attention lies, as shares of the image."""
    rows = ((torch.arange(size[0], device=share.device) + 0.5) / size[0])[:, None].expand(size).flatten()
    columns = ((torch.arange(size[1], device=share.device) + 0.5) / size[1])[None].expand(size).flatten()
    at = torch.stack([rows, columns]).to(share)
    mean = share @ at.T
    return torch.cat([mean, (share @ (at**2).T - mean**2).clamp(min=1e-6).sqrt()], dim=1)
