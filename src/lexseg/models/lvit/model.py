"""LViT: a language vision transformer beside a U-Net.

Li et al., TMI 2023 (arXiv 2206.14718), after its released code (LViT-T). The semi-supervised part (pseudo labels, LV
loss) is left out: its body was never released (docs/explanation/lvit.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.balanced import balanced_cross_entropy_loss, squared_dice_loss
from lexseg.losses.segmentation import ABSENT_SMOOTH
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction
from lexseg.models.lvit.vit_levels import ViTLevels
from lexseg.models.lvit.word_table import WordTable
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.grid_positions import GridPositions
from lexseg.models.parts.guide_decoder import GuideLayer, SubPixelHead
from lexseg.models.parts.pixel_attention import PixelAttention
from lexseg.models.parts.plain_cnn import create_pyramid, even_scale
from lexseg.models.parts.unet_decoder import UNetDecoder, conv_norm_relu, resize
from lexseg.models.text_model import TextModel

STRIDE = 16


class LViT(TextModel):
    """A U-Net whose skips get what transformer levels on a coarse grid make of the same maps and of the words.

        E_i = Conv_patch(x_i) + positions + words;  u = ViTLevels(E);  x_i <- x_i + up(ReLU(BN(Conv1x1(u_i))))

    followed by a pixel attention on each skip and a plain decoder. The deepest map sees no words.

    Args:
        encoder: ``plain-cnn`` as published, or the name of an image encoder with weights, whose maps a batch norm
            brings to the scale of plain-cnn's (OURS).
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside, as published.
        text_adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out, as published.
        dims: widths of the transformer's levels, one for each map but the deepest.
        heads: of their attentions.
        token_kernel: of their token convolutions.
        position_grid: side of the learnt positions; 0 is sine positions.
        widths: of the decoder, deep to shallow.
        gate: what the words' gates start at (OURS; the released code adds them in full).
        dropout: of the levels.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        as_published: the released code's faults. The words reach the first of the levels alone, by a convolution that
            takes word positions for channels and fills a table of 14x14 cells (brought to other sizes by us); ten
            tokens are read, the others cut, and filler in place of those that are missing is read as content; pixel
            attention is not squashed; the Dice of an empty mask is 1 whatever is predicted. False: masked
            cross-attention at every level, a sigmoid, and a Dice that an empty answer brings to nothing. Beside these,
            ``--as-published`` dilates the training masks as that code's resize does.
    """

    name = "lvit"
    published_data: ClassVar[Mapping[str, Any]] = {"mask_resize": "touched"}

    def __init__(
        self,
        *,
        encoder: str = "plain-cnn",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 768,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        dims: Sequence[int] = (64, 128, 256, 512),
        heads: int = 8,
        token_kernel: int = 3,
        position_grid: int = 14,
        widths: Sequence[int] = (256, 128, 64, 64),
        gate: float = 0.1,
        dropout: float = 0.1,
        presence_weight: float = 0.2,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        self.as_published = as_published
        self.encoder = create_pyramid(encoder, encoder_args)
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        dim = self.build_text(text_width, text_encoder, text_adapter)

        channels = list(self.encoder.channels)
        self.even = even_scale(encoder, channels)
        skips, strides = channels[:-1], self.encoder.strides[:-1]
        if len(dims) != len(skips):
            raise ValueError(f"{len(dims)} widths of transformer levels for {len(skips)} skips")
        patches = [STRIDE // stride for stride in strides]
        self.embed = nn.ModuleList(nn.Conv2d(c, d, p, p) for c, d, p in zip(skips, dims, patches, strict=True))
        self.positions = nn.ModuleList(GridPositions(d, position_grid) for d in dims)
        self.embed_dropout = nn.Dropout(dropout)
        self.read = nn.ModuleList()
        self.table: WordTable | None = None
        if as_published:
            self.table = WordTable(dim, dims)
        else:
            self.read.extend(GuideLayer(d, dim, cross="enhance", gate=gate, self_attention=False) for d in dims)
        self.levels = ViTLevels(dims, heads=heads, kernel=token_kernel, dropout=dropout)
        self.give_back = nn.ModuleList(conv_norm_relu(d, c, 1) for c, d in zip(skips, dims, strict=True))
        self.attend = nn.ModuleList(PixelAttention(c, squash=not as_published) for c in skips)
        full_size = strides[0] == 1
        self.decoder = UNetDecoder(channels, widths, "nearest" if full_size else "bilinear")
        self.head = nn.Conv2d(widths[-1], 1, 1) if full_size else SubPixelHead(widths[-1], 1)

        maps = [dims[0], dims[-1], widths[-1]]
        self.build_presence(maps, dim, presence_weight)
        self.loss_names = ("dice", "bce", *self.presence_names)

    def encode_image(self, image: Tensor) -> Features:
        """The image path's maps at one scale; the words touch only what is made of them."""
        maps = [even(m) for even, m in zip(self.even, self.encoder(self.normalize(image)), strict=True)]
        return Features.of(maps, image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self.read_words(text)  # [B, L, D], [B, L]
        *skips, deepest = features.maps  # at strides 1 or 4 to 16 or 32
        grid = (features.size[0] // STRIDE, features.size[1] // STRIDE)
        ups = [u.transpose(1, 2).unflatten(2, grid) for u in self.levels(self._embed(skips, words, mask, grid))]
        enriched = []
        for skip, u, give, attend in zip(skips, ups, self.give_back, self.attend, strict=True):
            # a pointwise layer before nearest upsampling is that layer after it, at a fraction of the work
            enriched.append(attend(skip + self._enlarge(give(u), skip)))
        x = self.decoder([*enriched, deepest])  # [B, widths[-1], h, w], as fine as the first skip
        logits = resize(self.head(x), features.size)  # [B, 1, H, W]
        presence = self.answer_presence([ups[0], ups[-1], x], logits, masked_mean(words, mask))
        return Prediction(logits, presence, features=x)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Half a Dice of squares, half a cross-entropy that counts target and background alike, and presence."""
        prediction = self.decode(self.encode_for(image, text), text)
        smooth, absent = (1e-5, None) if self.as_published else (1.0, ABSENT_SMOOTH)
        losses = {
            "dice": 0.5 * squared_dice_loss(prediction.logits, target, smooth=smooth, absent_smooth=absent),
            "bce": 0.5 * balanced_cross_entropy_loss(prediction.logits, target, as_published=self.as_published),
        }
        return losses | self.presence_losses(prediction, target)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image path in levels."""
        return self.encoder.layer_groups()

    def _embed(self, skips: list[Tensor], words: Tensor, mask: Tensor, grid: tuple[int, int]) -> list[Tensor]:
        """Tokens of every level, float[B, N, dims[i]]."""
        embedded = []
        for i, (skip, embed, positions) in enumerate(zip(skips, self.embed, self.positions, strict=True)):
            e = self.embed_dropout(positions(embed(skip)))  # [B, dims[i], H/16, W/16]
            if self.table is None:
                e = self.read[i](e, words, mask)
            elif i == 0:
                e = e + self.table(words, mask, grid)
            embedded.append(e.flatten(2).transpose(1, 2))
        return embedded

    def _enlarge(self, x: Tensor, like: Tensor) -> Tensor:
        size = like.shape[-2:]
        return F.interpolate(x, size=size, mode="nearest") if self.decoder.upsample == "nearest" else resize(x, size)
