"""A model whose maps can be worked out by hand: its words name colours, its features are the image, shrunk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.training.weak.scored import Scored

COLOURS = ("red", "green", "blue")


class Shrink(ImageEncoder):
    """Four maps of three channels: the image at strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.channels = (3, 3, 3, 3)
        self.stages = nn.ModuleList(nn.AvgPool2d(n) for n in (4, 2, 2, 2))
        self.runs = 0

    def forward(self, image: Tensor) -> list[Tensor]:
        self.runs += 1
        return super().forward(image)

    def layer_groups(self) -> list[list[nn.Parameter]]:
        return []


def encode(sentences: Sequence[str | None]) -> TextBatch:
    """The first colour that is named, as a number; -1 for none."""
    rows = [next((i for i, colour in enumerate(COLOURS) if colour in (s or "")), -1) for s in sentences]
    ids = torch.tensor(rows)[:, None]
    return TextBatch(torch.ones_like(ids, dtype=torch.bool), ids[:, 0], ids[:, 0] < -1, input_ids=ids)


def by_colour(**changed: Any) -> Scored:
    """How much of the named colour is in the image; no score of words that name none."""
    encoder = Shrink()

    def score(image: Tensor, text: TextBatch) -> Tensor:
        mean = encoder(image)[3].mean((2, 3))
        assert text.input_ids is not None
        wanted = torch.eye(4)[text.input_ids[:, 0]][:, :3]
        return (mean * wanted).sum(1)

    def own(image: Tensor, text: TextBatch) -> Tensor:
        assert text.input_ids is not None
        wanted = torch.eye(4)[text.input_ids[:, 0]][:, :3]
        return (encoder(image)[2] * wanted[:, :, None, None]).sum(1, keepdim=True)

    values: dict[str, Any] = {
        "name": "colours", "sha256": "c0105", "kind": "likeness", "size": (128, 128), "encoder": encoder,
        "encode": encode, "score": score, "own": own, "mask": None, "separate": True, "laterality": None,
        "device": torch.device("cpu"),
    }  # fmt: skip
    return Scored(**values | changed)


def coloured(folder: Path | None = None) -> Tensor:
    """A dark image float[3, 128, 128] with a red square at the top left and a blue one at the bottom right."""
    image = torch.full((3, 128, 128), 0.1)
    image[0, 16:48, 16:48] = 0.9
    image[2, 80:112, 80:112] = 0.9
    if folder is not None:
        from PIL import Image

        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255).byte().permute(1, 2, 0).numpy()).save(folder / "image.png")
    return image
