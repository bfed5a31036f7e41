"""The contract of models: what goes in, what comes out, and what a configuration is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lexseg.encoders.text.batch import EncodeText, TextBatch
from lexseg.encoders.text.swapped import with_swapped
from lexseg.losses.target import Target
from lexseg.models.parts.presence import PresenceHead
from lexseg.models.parts.text_input import TextInput


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answers.

    Attributes:
        logits: float[B, 1, H, W] at the size of the input.
        presence: float[B], logit of "what the words name is in this image"; ``None`` where the model does not say.
        maps: intermediate maps worth looking at, by name, float[B, 1, h, w].
        features: float[B, C, h, w], the map that the last projection makes the logits of; what a new head, a contrast
            of places or a few labelled pixels work on.
    """

    logits: Tensor
    presence: Tensor | None = None
    maps: dict[str, Tensor] = field(default_factory=dict)
    features: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """What a model keeps of an image between two sentences: everything that the words do not touch.

    Attributes:
        maps: the image encoder's maps (or only the normalised image, where language enters the encoder).
        size: (H, W) of the input.
        ready: by name, what the decoder makes of the maps alone, float[B, ...]: the same whatever is asked. A method
            that finds it missing makes it itself.
    """

    maps: list[Tensor]
    size: tuple[int, int]
    ready: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, maps: list[Tensor], image: Tensor) -> "Features":
        """The maps of ``image``, float[B, 3, H, W]."""
        return cls(maps, (image.shape[-2], image.shape[-1]))

    def repeated(self, times: int) -> "Features":
        """Each image ``times`` times, side by side: for as many sentences about each."""
        if times == 1:
            return self
        maps = [m.repeat_interleave(times, 0) for m in self.maps]
        return Features(maps, self.size, {name: r.repeat_interleave(times, 0) for name, r in self.ready.items()})


class SegmentationModel(nn.Module, ABC):
    """A network that segments an image by a sentence.

    A subclass is a short composition of parts. Its constructor's keywords are its configuration: they are all that is
    needed to rebuild it, and are plain JSON values.

    Attributes:
        name: the key in :data:`lexseg.models.MODELS`.
        uses_text: false for image-only models, which take sentences and ignore them.
        stride: height and width of the input must be divisible by it.
        published_data: settings of ``data`` that belong to a method as published, faults of released code included.
        text_input: turns a ``TextBatch`` into token states; ``None`` for image-only models.
        presence: answers whether what the words name is there; ``None`` for models that do not say.
        loss_names: the keys of ``training_losses``, in the configuration at hand.
        reads_places: whether ``decode`` wants to know which sentences name a place (``TextBatch.names_place``).
        reads_swapped: whether ``training_losses`` wants the sentences with their places swapped, too.
    """

    name: ClassVar[str]
    uses_text: ClassVar[bool] = True
    stride: ClassVar[int] = 32
    published_data: ClassVar[Mapping[str, Any]] = {}
    text_input: TextInput | None
    presence: PresenceHead | None
    loss_names: tuple[str, ...]
    reads_places: bool
    reads_swapped: bool

    def __init__(self) -> None:
        super().__init__()
        self.text_input = None
        self.presence = None
        self.reads_places = self.reads_swapped = False

    @abstractmethod
    def encode_image(self, image: Tensor) -> Features:
        """Run all that the words do not touch, once for an image.

        Args:
            image: float[B, 3, H, W] in 0..1; H and W divisible by ``stride``.
        """

    @abstractmethod
    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Answer one sentence for each image of ``features``."""

    def forward(self, image: Tensor, text: TextBatch) -> Prediction:
        """Segment ``image`` (float[B, 3, H, W] in 0..1) by ``text``. The mask is never an input."""
        self.check_size(image)
        return self.decode(self.encode_image(image), text)

    @abstractmethod
    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Every configured term, already weighted, so that their sum is the loss.

        Args:
            image: float[I, 3, H, W] in 0..1.
            text: B sentences, B / I about each image, side by side.
            target: of the B sentences.

        Returns:
            the terms. Keys are ``loss_names``, whatever the batch holds; a term with nothing to say is a zero that
            carries a gradient.
        """

    def training_text(self, encode: EncodeText) -> EncodeText:
        """Encode the sentences of training as ``encode`` does, with all that ``training_losses`` wants beside them."""
        return with_swapped(encode) if self.reads_swapped else encode

    @abstractmethod
    def image_layers(self) -> list[list[nn.Parameter]]:
        """Trainable parameters of the image encoder, in groups from input to output, for layer-wise learning rates."""

    def parameter_groups(self) -> dict[str, list[list[nn.Parameter]]]:
        """Trainable parameters, each once: ``encoder``, a trained ``text`` encoder, and all else as ``head``."""
        encoder = self.image_layers()
        trained = None if self.text_input is None else self.text_input.encoder
        text = [] if trained is None else list(trained.parameters())
        seen = {id(p) for group in encoder for p in group} | {id(p) for p in text}
        head = [p for p in self.parameters() if p.requires_grad and id(p) not in seen]
        return {"encoder": encoder, "text": [text] if text else [], "head": [head]}

    def encode_for(self, image: Tensor, text: TextBatch) -> Features:
        """Encode each image once, for all the sentences about it.

        Raises:
            ValueError: the sentences do not share out evenly among the images.
        """
        return self.encode_shared(image, text).repeated(len(text) // len(image))

    def encode_shared(self, image: Tensor, text: TextBatch) -> Features:
        """:meth:`encode_for` without the repeating, for a decoder that shares work among the sentences about an image.

        Raises:
            ValueError: the sentences do not share out evenly among the images.
        """
        self.check_size(image)
        if len(text) % len(image):
            raise ValueError(f"{len(text)} sentences about {len(image)} images: as many for each were expected")
        return self.encode_image(image)

    def check_size(self, image: Tensor) -> None:
        """Raise ``ValueError`` where the height or width is not divisible by ``stride``."""
        h, w = image.shape[-2:]
        if h % self.stride or w % self.stride:
            need = tuple(-(-s // self.stride) * self.stride for s in (h, w))
            raise ValueError(
                f"image of {h}x{w} pixels: height and width must be divisible by {self.stride}; resize or pad to {need}"
            )


class Normalize(nn.Module):
    """(image - mean) / std, for float[B, 3, H, W] in 0..1. The constants belong to the encoder and are not saved."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.mean) / self.std
