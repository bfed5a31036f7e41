"""DEC-Seg's network around another model's encoder and decoder."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.losses.segmentation import dice_and_entropy
from lexseg.losses.target import Target
from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.corrected.gates import pyramid_of
from lexseg.models.m2snet.subtraction import SubtractionDecoder
from lexseg.models.parts.unet_decoder import UNetDecoder, resize
from lexseg.models.two_scales.fusion import CrossLevelFusion, ScaleFusion
from lexseg.models.within import Around


class TwoScales(Around):
    """One encoder sees the image at full and at half size, a decoder reads each, and a third reads both.

    Zhou et al., Dual-scale enhanced and cross-generative consistency learning, arXiv 2312.16039, from descriptions of
    paper and released code (FOUND), whose terms allow research alone. The decoders for the scales are the model's own
    and another like it, which begins anew; the third is a U-Net's (FOUND), as narrow as they are (OURS). They read each
    level of the encoder fused with the next, and the deepest as it is.

    The model within must be a U-Net or an M2SNet whose image encoder gives a pyramid.
    """

    name = "two-scales"

    def build(self, model: SegmentationModel) -> None:
        """The second and third decoder, and all fusions.

        Raises:
            ModelError: the model has no decoder of these kinds.
        """
        own = getattr(model, "decoder", None)
        if not isinstance(own, UNetDecoder | SubtractionDecoder):
            raise ModelError(
                f"dec-full has a second decoder like the first, of a unet or an m2snet, and the {model.name} at hand "
                "has none of these; take the regime dec, which wraps any model"
            )
        channels = list(pyramid_of(model).channels)
        self.levels = nn.ModuleList(CrossLevelFusion(c, d, c) for c, d in pairwise(channels))
        self.half_decoder, self.half_head = deepcopy(own), deepcopy(_head(model))
        for part in self.half_decoder.modules():
            if callable(again := getattr(part, "reset_parameters", None)):
                again()
        if isinstance(self.half_decoder, SubtractionDecoder):
            del self.half_decoder.head  # it stands beside
        widths = own.widths
        self.scales = nn.ModuleList(ScaleFusion(width) for width in widths)
        self.fused_decoder, self.fused_head = UNetDecoder(widths[::-1], widths[1:]), deepcopy(_head(model))
        self.loss_names = ("full", "half", "fused")

    def encode_image(self, image: Tensor) -> Features:
        """The maps that the fused answer and those of full and half scale are made of."""
        return self.encode_scales(image, image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """The fused answer, the same for every sentence."""
        fused = features.maps[0]
        return Prediction(resize(self.fused_head(fused), features.size), features=fused)

    def encode_scales(self, image: Tensor, small: Tensor) -> Features:
        """:meth:`encode_image` with another image, of the same size, for the half scale.

        Args:
            image: float[B, 3, H, W] in 0..1.
            small: the same, which is reduced here.
        """
        size = (image.shape[-2], image.shape[-1])
        reduced = F.interpolate(small, self.half_size(size), mode="bilinear", antialias=True, align_corners=False)
        full = self._decoder().levels(self._fused_levels(image))
        half = self.half_decoder.levels(self._fused_levels(reduced))
        both = [fuse(a, b) for fuse, a, b in zip(self.scales, full, half, strict=True)]
        return Features([self.fused_decoder(both[::-1]), full[-1], half[-1]], size)

    def answers(self, features: Features) -> list[Tensor]:
        """Logits float[B, 1, H, W] of full scale, of half scale, and fused."""
        fused, full, half = features.maps
        heads = ((_head(self.base), full), (self.half_head, half), (self.fused_head, fused))
        return [resize(head(x), features.size).float() for head, x in heads]

    def half_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Half of each side, as a multiple of the stride."""
        height, width = (max(1, round(0.5 * side / self.stride)) * self.stride for side in size)
        return height, width

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy of all three answers."""
        return self.losses_of(self.answers(self.encode_for(image, text)), target)

    def losses_of(self, answers: Sequence[Tensor], target: Target) -> dict[str, Tensor]:
        """The same of answers that are there."""
        return {name: dice_and_entropy(each, target) for name, each in zip(self.loss_names, answers, strict=True)}

    def _fused_levels(self, image: Tensor) -> list[Tensor]:
        maps = self.pyramid(image)
        return [*(fuse(a, b) for fuse, a, b in zip(self.levels, maps, maps[1:], strict=False)), maps[-1]]

    def _decoder(self) -> UNetDecoder | SubtractionDecoder:
        found = self.base.get_submodule("decoder")
        assert isinstance(found, UNetDecoder | SubtractionDecoder)
        return found


def _head(model: SegmentationModel) -> nn.Module:
    """What makes logits of the decoder's last map: a U-Net's own, or the subtraction decoder's."""
    return model.get_submodule("head" if hasattr(model, "head") else "decoder.head")
