"""Gates between the maps of two looks at an image, and how a model is given maps that were gated."""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.image.res2net import Res2Net50
from lexseg.errors import ModelError
from lexseg.models.base import SegmentationModel


class Gates(nn.Module):
    """At each level, how much of the first look gives way to the second: a gated recurrent unit's formula (FOUND).

        r = sig(C[s, i]);  z = sig(C[s, i]);  o = ReLU(C[s, r i]);  g = (1 - z) s + z o

    with s of the image and i of the image with a hole; 3 x 3 convolutions, orthogonal weights, biases 0 (FOUND).

    Args:
        channels: of the levels.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(2 * c, c, 3, padding=1) for _ in ("reset", "update", "out")) for c in channels
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.orthogonal_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, maps: Sequence[Tensor], again: Sequence[Tensor]) -> list[Tensor]:
        """Args: maps: of the image; again: of it with a hole. Returns as many of the same shapes."""
        out = []
        for level, s, i in zip(self.levels, maps, again, strict=True):
            assert isinstance(level, nn.ModuleList)
            reset, update, fresh = level
            both = torch.cat([s, i], 1)
            z = update(both).sigmoid()
            o = fresh(torch.cat([s, reset(both).sigmoid() * i], 1)).relu()
            out.append((1 - z) * s + z * o)
        return out


def pyramid_of(model: SegmentationModel) -> ImageEncoder:
    """The image encoder that gives all of a model's maps.

    Raises:
        ModelError: the model has none of that kind.
    """
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, ImageEncoder) or isinstance(encoder, Res2Net50):
        raise ModelError(
            f"this regime works on maps of an image encoder at strides 4 to 32; the {model.name} at hand has none: "
            "choose an encoder that gives them, such as efficientnet-lite0, or another regime"
        )
    return encoder


@contextlib.contextmanager
def encoder_gives(model: SegmentationModel, maps: list[Tensor]) -> Iterator[None]:
    """While this lasts, the model's image encoder gives these maps, whatever it is shown."""
    encoder = pyramid_of(model)
    encoder.__dict__["forward"] = lambda image: list(maps)
    try:
        yield
    finally:
        del encoder.__dict__["forward"]
