"""RecLMIS: cross-modal conditioned reconstruction for language-guided segmentation.

Huang et al., TMI 2024 (arXiv 2404.02845), after its released code (docs/explanation/reclmis.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.balanced import squared_dice_loss
from lexseg.losses.gather import gathered, gathered_words
from lexseg.losses.masked_reconstruction import hide_tokens, reconstruction_loss
from lexseg.losses.region_words import prototype
from lexseg.losses.rows import shown_rows, weighted
from lexseg.losses.segmentation import ABSENT_SMOOTH, ABSENT_WEIGHT, cross_entropy_loss
from lexseg.losses.swapped import Said, Swapped, swapped_losses
from lexseg.losses.target import Target
from lexseg.losses.token_contrast import token_contrast_loss, token_similarity
from lexseg.models.base import Features, Normalize, Prediction
from lexseg.models.parts.alignment import JointSpace, masked_mean
from lexseg.models.parts.grid_positions import GridPositions
from lexseg.models.parts.guide_decoder import SubPixelHead
from lexseg.models.parts.pixel_attention import PixelAttention
from lexseg.models.parts.plain_cnn import create_pyramid, even_scale
from lexseg.models.parts.positions import sine_positions_1d, sine_positions_2d
from lexseg.models.parts.text_slots import fit_tokens
from lexseg.models.parts.unet_decoder import UNetDecoder, resize
from lexseg.models.reclmis.conditioned_interaction import ConditionedInteraction, InterestWeights
from lexseg.models.reclmis.reconstructor import Reconstructor
from lexseg.models.text_model import TextModel

TOKENS = 18
_JOINT, _TEMPERATURE = 64, 0.07  # of the swapped term: width of its space, and tau, as TMCA's lite recipe starts


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What the interaction starts from and ends with.

    Attributes:
        states: float[B, L, W], of the text encoder.
        mask: bool[B, L].
        sentence: float[B, D].
        words: float[B, L, d], T before the interaction.
        cells: float[B, N, d], V before it.
        seen_words, read_cells: the same after it.
        grid: (h, w) of the cells.
    """

    states: Tensor
    mask: Tensor
    sentence: Tensor
    words: Tensor
    cells: Tensor
    seen_words: Tensor
    read_cells: Tensor
    grid: tuple[int, int]


class RecLMIS(TextModel):
    """A U-Net whose deepest map (stride 16) is replaced by what it becomes in one exchange with the words.

    In training, cells and words that matter are hidden and made up for from the other side, and images and sentences
    are contrasted by their parts.

    Args:
        encoder: ``plain-cnn`` as published, or the name of an image encoder with weights, whose maps a batch norm
            brings to the scale of plain-cnn's; of one that goes to stride 32 the two deepest maps are brought together
            at stride 16 (both OURS).
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside, as published.
        text_adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out, as published.
        dim: width of cells and words.
        heads: of all attentions.
        position_grid: side of the learnt positions; 0 is sine positions.
        widths: of the decoder, deep to shallow.
        dropout: of all attentions.
        interest_dropout: of the interest weights; 0.5 for MosMedData+ and MoNuSeg.
        depth, hidden: of the reconstructors.
        image_rate, text_rate: share of cells and words that are hidden.
        segmentation_weight: of the mean of Dice and cross-entropy.
        contrastive_weight: of the contrast; 0 leaves it out.
        reconstruction_weight: of each reconstruction; 0 leaves both out. With both weights 0 this is what the released
            code trains where its undeclared dependency is missing.
        temperature: of the contrast; CLIP's.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        swapped_weight: of telling each sentence from itself with its places swapped (OURS), by the cells before the
            exchange, in a space of 64 that has no part in inference; 0 leaves it out.
        as_published: the released code's faults. The exchange has no residual and attends to padding (18 tokens,
            others cut); reconstruction is causal and without positions, counts every token and lets the target shrink;
            the contrast flattens its weights, counts padding, and calls equal captions different; pixel attention is
            not squashed; the Dice of an empty mask is 1 whatever is predicted. Beside these, ``--as-published`` dilates
            the training masks as that code's resize does.
    """

    name = "reclmis"
    published_data: ClassVar[Mapping[str, Any]] = {"mask_resize": "touched"}

    def __init__(
        self,
        *,
        encoder: str = "plain-cnn",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 512,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        dim: int = 512,
        heads: int = 4,
        position_grid: int = 14,
        widths: Sequence[int] = (256, 128, 64, 64),
        dropout: float = 0.1,
        interest_dropout: float = 0.0,
        depth: int = 4,
        hidden: int = 1024,
        image_rate: float = 0.5,
        text_rate: float = 0.3,
        segmentation_weight: float = 5.0,
        contrastive_weight: float = 0.2,
        reconstruction_weight: float = 1.0,
        temperature: float = 0.01,
        presence_weight: float = 0.2,
        swapped_weight: float = 0.0,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = create_pyramid(encoder, encoder_args)
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        text_dim = self.build_text(text_width, text_encoder, text_adapter)

        channels = list(self.encoder.channels)
        self.even = even_scale(encoder, channels)
        self.skips = self.encoder.strides.index(16)
        self.gather = nn.ModuleList(
            nn.Conv2d(c, dim, 1) if c != dim or i else nn.Identity() for i, c in enumerate(channels[self.skips :])
        )
        self.project = nn.Conv2d(dim, dim, 1)
        self.positions = GridPositions(dim, position_grid)
        self.cells_dropout = nn.Dropout(dropout)
        self.words = nn.Conv1d(text_dim, dim, 3, padding=1)
        self.interact = ConditionedInteraction(dim, heads, dropout, as_published=as_published)
        self.attend = nn.ModuleList(PixelAttention(c, squash=not as_published) for c in channels[: self.skips])
        full_size = self.encoder.strides[0] == 1
        self.decoder = UNetDecoder([*channels[: self.skips], dim], widths, "nearest" if full_size else "bilinear")
        self.head = nn.Conv2d(widths[-1], 1, 1) if full_size else SubPixelHead(widths[-1], 1)
        self.build_presence([dim, widths[-1]], text_dim, presence_weight)

        self.rates = {"vision": image_rate, "language": text_rate}
        self.segmentation_weight, self.as_published = segmentation_weight, as_published
        self.contrastive_weight, self.reconstruction_weight = contrastive_weight, reconstruction_weight
        self.temperature = temperature
        if contrastive_weight or reconstruction_weight:
            self.finish_words = nn.Conv1d(dim, dim, 3, padding=1)
            # a batch norm over tokens would count padding
            self.finish_norm = nn.BatchNorm1d(dim) if as_published else nn.LayerNorm(dim)
            self.words_interest = InterestWeights(dim, interest_dropout)
            self.cells_interest = InterestWeights(dim, interest_dropout)
        if reconstruction_weight:
            options: dict[str, Any] = {"heads": heads, "hidden": hidden, "depth": depth, "dropout": dropout}
            self.make_cells = Reconstructor(dim, causal=as_published, **options)
            self.make_words = Reconstructor(dim, causal=as_published, **options)
            self.to_states = nn.Linear(dim, text_width) if text_width != dim else nn.Identity()
        self.swapped_weight, self.reads_swapped = swapped_weight, bool(swapped_weight)
        if swapped_weight:
            self.joint = JointSpace(dim, text_dim, _JOINT)
        names = ["dice", "bce", *self.presence_names] + ["swapped"] * bool(swapped_weight)
        names += ["contrastive"] * bool(contrastive_weight) + ["vision", "language"] * bool(reconstruction_weight)
        self.loss_names = tuple(names)

    def encode_image(self, image: Tensor) -> Features:
        """The skips, and the map at stride 16 that the words will work on."""
        maps = [even(m) for even, m in zip(self.even, self.encoder(self.normalize(image)), strict=True)]
        deep = [gather(m) for gather, m in zip(self.gather, maps[self.skips :], strict=True)]
        size = (deep[0].shape[-2], deep[0].shape[-1])
        cells = torch.stack([resize(m, size) for m in deep]).sum(0)
        skips = [attend(m) for attend, m in zip(self.attend, maps[: self.skips], strict=True)]
        return Features.of([*skips, cells], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        return self._answer(features, self._exchange(features, text))

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy, and where configured presence, contrast and both reconstructions."""
        features = self.encode_for(image, text)
        tokens = self._exchange(features, text)
        prediction = self._answer(features, tokens)
        half = 0.5 * self.segmentation_weight
        smooth, absent, weight = (1e-5, None, 1.0) if self.as_published else (1.0, ABSENT_SMOOTH, ABSENT_WEIGHT)
        losses = {
            "dice": half * squared_dice_loss(prediction.logits, target, smooth=smooth, absent_smooth=absent),
            "bce": half * cross_entropy_loss(prediction.logits, target, absent_weight=weight),
        }
        losses |= self.presence_losses(prediction, target)
        if self.swapped_weight:
            losses["swapped"] = self.swapped_weight * self._swapped(features, text, target)
        if not (self.contrastive_weight or self.reconstruction_weight):
            return losses
        with torch.autocast(image.device.type, enabled=False):
            words_weight, cells_weight = self._interest(tokens)
            if self.contrastive_weight:
                words, mask = gathered_words(tokens.words.float(), tokens.mask)
                shares = gathered_words(words_weight[..., None], tokens.mask)[0].squeeze(-1)
                cells, cells_shares = gathered(tokens.cells.float()), gathered(cells_weight)
                likeness = token_similarity(words, shares, mask, cells, cells_shares, as_published=self.as_published)
                contrast = token_contrast_loss(
                    likeness, text, target, temperature=self.temperature, as_published=self.as_published
                )
                losses["contrastive"] = self.contrastive_weight * contrast
            if self.reconstruction_weight:
                count = weighted(~text.is_null, target)
                for name, value in self._reconstruct(tokens, words_weight, cells_weight, count).items():
                    losses[name] = self.reconstruction_weight * value
        return losses

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image path in levels."""
        return self.encoder.layer_groups()

    def _exchange(self, features: Features, text: TextBatch) -> _Tokens:
        states, mask = self.read_states(text)  # [B, L, text_width], [B, L]
        if self.as_published:
            states, mask = fit_tokens(states, mask, TOKENS)
        adapted = self._adapted(states, mask)
        words = self.words(adapted.transpose(1, 2)).transpose(1, 2)  # [B, L, dim]
        if not self.as_published:
            words = words * mask[..., None]
        v = features.maps[-1]
        queries = self.cells_dropout(self.positions(self.project(v)))  # [B, dim, H/16, W/16]
        seen, read = self.interact(words, mask, queries.flatten(2).transpose(1, 2))
        cells = v.flatten(2).transpose(1, 2)  # [B, N, dim]
        grid = (v.shape[-2], v.shape[-1])
        return _Tokens(states, mask, masked_mean(adapted, mask), words, cells, seen, read, grid)

    def _adapted(self, states: Tensor, mask: Tensor) -> Tensor:
        """The states for the image, nothing where there is no token: float[B, L, text_dim]."""
        return self.adapted(states, mask) * mask[..., None]

    def _swapped(self, features: Features, text: TextBatch, target: Target) -> Tensor:
        """The swapped term, of cells that have not read the sentence: what has could be told by it."""
        true, others = self._said(text), [Swapped([self._said(t)], t.is_null) for t in text.swapped_forms()]
        cells = self.joint.project_image(features.maps[-1])  # [B, 64, H/16, W/16]
        with torch.autocast(cells.device.type, enabled=False):
            counts = weighted(~text.is_null & shown_rows(target), target)
            region = prototype(cells, F.adaptive_avg_pool2d(target.mask.float(), (cells.shape[-2], cells.shape[-1])))
            loss = swapped_losses([region], [true], others, counts, weights=[1.0], temperature=_TEMPERATURE)
            return loss + 0 * (region.sum() + true.words.float().sum())  # reaches the space whatever the batch holds

    def _said(self, text: TextBatch) -> Said:
        states, mask = self.read_states(text)
        adapted = self._adapted(states, mask)
        return Said(*self.joint.project_text(adapted, masked_mean(adapted, mask)), mask)

    def _answer(self, features: Features, tokens: _Tokens) -> Prediction:
        deepest = tokens.read_cells.transpose(1, 2).unflatten(2, tokens.grid)  # [B, dim, H/16, W/16]
        x = self.decoder([*features.maps[:-1], deepest])
        logits = resize(self.head(x), features.size)  # [B, 1, H, W]
        return Prediction(logits, self.answer_presence([deepest, x], logits, tokens.sentence), features=x)

    def _interest(self, tokens: _Tokens) -> tuple[Tensor, Tensor]:
        """How much each word and each cell matters, float[B, L] and float[B, N]."""
        seen = tokens.seen_words.float()
        if not self.as_published:
            seen = seen * tokens.mask[..., None]
        words = self.finish_words(seen.transpose(1, 2))  # [B, dim, L]
        if self.as_published:
            words = self.finish_norm(words).relu().transpose(1, 2)
        else:
            words = self.finish_norm(words.transpose(1, 2)).relu()
        return self.words_interest(words, tokens.mask), self.cells_interest(tokens.read_cells.float())

    def _reconstruct(
        self, tokens: _Tokens, words_weight: Tensor, cells_weight: Tensor, count: Tensor
    ) -> dict[str, Tensor]:
        """Make hidden cells up from the words, and hidden words from the cells. Args: count: float[B]."""
        words, cells = tokens.words.float(), tokens.cells.float()
        everywhere = torch.ones_like(cells_weight, dtype=torch.bool)
        readable = torch.ones_like(tokens.mask) if self.as_published else tokens.mask
        hidden_cells = hide_tokens(cells_weight, everywhere, self.rates["vision"])
        hidden_words = hide_tokens(words_weight, tokens.mask, self.rates["language"])
        holed_cells, holed_words = cells * ~hidden_cells[..., None], words * ~hidden_words[..., None]
        wanted_cells, wanted_words = tokens.read_cells.float(), tokens.states.float().detach()
        if not self.as_published:
            # without positions, and without the causal mask that gives them away, all hidden tokens would be one
            at_words = sine_positions_1d(words.shape[1], words.shape[2], device=words.device)
            at_cells = sine_positions_2d(*tokens.grid, cells.shape[2], device=cells.device)
            words, holed_words = words + at_words, holed_words + at_words
            cells, holed_cells = cells + at_cells, holed_cells + at_cells
            # a target that carries a gradient is made easy, not met
            wanted_cells = F.layer_norm(wanted_cells.detach(), wanted_cells.shape[-1:])
            wanted_words = F.layer_norm(wanted_words, wanted_words.shape[-1:])
        made_cells = self.make_cells(words, words_weight, readable, holed_cells, everywhere)
        made_words = self.to_states(self.make_words(cells, cells_weight, everywhere, holed_words, readable))
        counted_cells = everywhere if self.as_published else hidden_cells
        counted_words = readable if self.as_published else hidden_words
        return {
            "vision": reconstruction_loss(made_cells, wanted_cells, counted_cells, count),
            "language": reconstruction_loss(made_words, wanted_words, counted_words, count),
        }
