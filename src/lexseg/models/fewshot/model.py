"""A model taught from a few labelled images: another model's features, and a head fitted to some of their pixels."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.fewshot.features import PARTS, PLACES, Beside, joined, places
from lexseg.models.fewshot.heads import create_head
from lexseg.models.fewshot.refine import guided_filter
from lexseg.models.within import within

_FAR, _FLAT = 6.0, 1e-3
_SURE = 12.0  # a head's score may be anything; as a logit it is kept where probabilities still differ


class FewShot(SegmentationModel):
    """Another model's features, and a head that a few labelled pixels were enough for.

    It finds the one target that it was taught, whatever is said: the words, where the model that it stands on reads
    them, are those of the teaching, kept as the text encoder's states.

    Args:
        of: the method of the model that it stands on; ``None`` for none.
        base: the keywords that model is built from.
        base_size: (height, width) that it was trained at.
        base_channels: of its ``Prediction.features``.
        words: (tokens, width) of the sentence that the model is asked with; ``None`` where it reads none.
        head: name of the head (:data:`lexseg.models.fewshot.heads.HEADS`).
        head_args: its keywords.
        encoder: name of an image encoder whose maps stand beside; ``None`` for none.
        parts: what is seen, of :data:`lexseg.models.fewshot.features.PARTS`.
        weights: of each part, how much it counts.
        refine: radius in pixels of the guided filter that has the mask follow the image's edges; 0 leaves it out.
        learnt: whether the head was learnt over tasks.
        taught: what it was taught from, for its users: kind of labels, number of images, their SHA-256.
        encoder_args, text_width, text_encoder: of the model that it stands on, as its method takes them; these go
            before ``base``.
    """

    name = "few-shot"
    uses_text = False
    taught: Mapping[str, Any]
    mean: Tensor
    spread: Tensor
    states: Tensor
    told: Tensor
    ids: Tensor
    share: Tensor

    def __init__(
        self,
        *,
        of: str | None = None,
        base: Mapping[str, Any] | None = None,
        base_size: Sequence[int] = (160, 160),
        base_channels: int = 0,
        words: Sequence[int] | None = None,
        head: str = "ridge",
        head_args: Mapping[str, Any] | None = None,
        encoder: str | None = "efficientnet-lite0",
        parts: Sequence[str] = PARTS,
        weights: Mapping[str, float] | None = None,
        refine: int = 4,
        learnt: bool = False,
        taught: Mapping[str, Any] | None = None,
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int | None = None,
        text_encoder: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if unknown := set(parts) - set(PARTS):
            raise ValueError(f"parts {sorted(unknown)} are unknown; there are {', '.join(PARTS)}")
        if not parts or ("model" in parts and of is None):
            raise ValueError("parts: one or more, and 'model' only where there is a model to stand on")
        own = {} if of is None else within(of, base or {}, encoder_args, text_width, text_encoder)
        pretrained = (encoder_args or {}).get("pretrained", True) is not False
        self.base = None if "model" not in parts or of is None else create_model(of, **own)
        self.base_size = (int(base_size[0]), int(base_size[1]))
        self.parts, self.refine, self.learnt, self.taught = tuple(parts), refine, learnt, dict(taught or {})
        # its encoder may be the very one that the model itself began with; as trained there, it sees other things
        wanted = encoder if "encoder" in parts else None
        self.beside = Beside(wanted, pretrained=pretrained, plain="statistics" in parts)
        sizes = [("model", base_channels)] if self.base is not None else []
        sizes += [("statistics" if i == len(self.beside.channels) - 1 and self.beside.plain else "encoder", c)
                  for i, c in enumerate(self.beside.channels)]  # fmt: skip
        sizes += [("place", PLACES)] if "place" in parts else []
        self.groups = tuple(sizes)
        self.channels = sum(count for _, count in sizes)
        self.register_buffer("share", self.shares(weights or {}), persistent=False)
        self.register_buffer("mean", torch.zeros(self.channels))
        self.register_buffer("spread", torch.ones(self.channels))
        self.register_buffer("states", torch.zeros(1, *(words or (1, 1))))
        self.register_buffer("told", torch.zeros(self.states.shape[:2], dtype=torch.bool))
        self.register_buffer("ids", torch.zeros(self.states.shape[:2], dtype=torch.int64))
        self.word_width = int(words[1]) if words else 0
        self.head = create_head(head, self.channels, self.word_width, **(head_args or {}))
        self.loss_names = ()

    def encode_image(self, image: Tensor) -> Features:
        """The model's own maps, then those beside it, then the brightness that the mask's edges follow."""
        size = (image.shape[-2], image.shape[-1])
        own: list[Tensor] = []
        if self.base is not None:
            small = F.interpolate(image, size=self.base_size, mode="bilinear", antialias=True, align_corners=False)
            own = self.base.encode_image(small.clamp(0, 1)).maps
        return Features([*own, *self.beside(image), image.mean(1, keepdim=True)], size)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """The taught target, whatever the sentence."""
        seen = self.seen(features)
        return Prediction(self.answer(seen, features.maps[-1]), features=self.embedding(seen))

    def seen(self, features: Features) -> Tensor:
        """All that is seen, as it comes, float[B, C, h, w] at half the size of the input."""
        size = (features.size[0] // 2, features.size[1] // 2)
        beside = features.maps[-1 - len(self.beside.channels) : -1]
        groups = list(beside)
        if self.base is not None:
            own = features.maps[: len(features.maps) - 1 - len(beside)]
            said = self.base.decode(Features(own, self.base_size), self.asked(own[0].shape[0]))
            groups.insert(0, cast(Tensor, said.features))
        if "place" in self.parts:
            groups.append(places(size, features.maps[-1]).expand(features.maps[-1].shape[0], -1, -1, -1))
        return joined(groups, size)

    def embedding(self, seen: Tensor) -> Tensor:
        """What the head works on: each part of mean 0, and weighed. Of float[B, C, h, w], or of pixels float[N, C]."""
        view = (1, -1, 1, 1) if seen.ndim == 4 else (1, -1)
        return (seen - self.mean.view(view)) * (self.share / self.spread).view(view)

    def answer(self, seen: Tensor, guide: Tensor) -> Tensor:
        """Logits of what is seen, float[B, 1, H, W].

        Args:
            seen: of :meth:`seen`.
            guide: float[B, 1, H, W], the brightness whose edges the mask follows.
        """
        size = (guide.shape[-2], guide.shape[-1])
        scores = F.interpolate(self.head(self.embedding(seen)), size=size, mode="bilinear", align_corners=False)
        if self.refine:  # a score far from the edge must not outweigh one at it
            scores = guided_filter(scores.clamp(-_FAR, _FAR), guide, radius=self.refine, eps=_FLAT)
        return scores.clamp(-_SURE, _SURE)

    def shares(self, weights: Mapping[str, float]) -> Tensor:
        """How much each channel counts: every group of them alike, whatever its width, unless its weight says so."""
        return torch.tensor(
            [float(weights.get(part, 1.0)) / count**0.5 for part, count in self.groups for _ in range(count)]
        )

    def asked(self, count: int) -> TextBatch:
        """The sentence of the teaching, so many times; the null sentence where there is none."""
        told = self.told
        trained = (
            self.base is not None and self.base.text_input is not None and self.base.text_input.encoder is not None
        )
        return TextBatch(
            states=None if trained else self.states.expand(count, -1, -1),
            input_ids=self.ids.expand(count, -1) if trained else None,
            attention_mask=told.expand(count, -1),
            caption_id=torch.zeros(count, dtype=torch.long, device=told.device),
            is_null=(~told.any()).expand(count),
        )

    @property
    def word(self) -> Tensor | None:
        """The sentence of the teaching as one vector, float[D]; ``None`` where there is none."""
        told = self.told
        return self.states[told].mean(0) if bool(told.any()) else None

    def forget(self) -> None:
        """Keep no sentence: the model is asked without one."""
        self.told.zero_()

    def tell(self, text: TextBatch) -> None:
        """Keep a sentence: a batch of one, with no more tokens than there are places."""
        self.forget()
        length = text.attention_mask.shape[1]
        self.told[:, :length] = text.attention_mask & ~text.is_null[:, None]
        if text.states is not None:
            self.states[:, :length] = text.states
        encoder = None if self.base is None or self.base.text_input is None else self.base.text_input.encoder
        if text.input_ids is not None and encoder is not None:
            self.ids[:, :length] = text.input_ids
            with torch.no_grad():
                self.states[:, :length] = encoder(text.input_ids, text.attention_mask)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """None: it is fitted, not trained."""
        raise ModelError("a model of few shots is not trained: fit it anew with lexseg few-shot fit")

    def image_layers(self) -> list[list[torch.nn.Parameter]]:
        """Those of the model that it stands on."""
        return [] if self.base is None else self.base.image_layers()
