"""Teaching: a head fitted to labelled pixels of a few images, on the features of a trained model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lexseg.encoders.text.batch import no_words
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, DataError, check_flags
from lexseg.fewshot.choose import Choice, choose, together
from lexseg.fewshot.grow import grown
from lexseg.fewshot.labels import BESIDE, TARGET, UNKNOWN, shrunk
from lexseg.fewshot.seen import Drawn, Seen
from lexseg.fewshot.support import Example
from lexseg.models.fewshot import FewShot
from lexseg.models.fewshot.features import PARTS
from lexseg.models.fewshot.heads import HEADS, create_head
from lexseg.models.fewshot.heads.base import Pixels
from lexseg.models.io import LoadedModel
from lexseg.models.place import to_input

TOKENS = 32
"""Most tokens of the words that name the target."""
_DOUBT = 0.1  # a walker that meets either class alike says nothing


@dataclass(frozen=True, slots=True)
class TeachingOptions:
    """How a target is taught.

    Attributes:
        head: one of :data:`lexseg.models.fewshot.heads.HEADS`.
        head_args: its keywords; what is not given is chosen, for ``ridge``, by leaving one image out.
        size: side of the square that images are stretched to; divisible by 32.
        parts: what is seen, of :data:`lexseg.models.fewshot.features.PARTS`.
        encoder: the image encoder that stands beside the model.
        grow: whether sparse labels are grown into masks first (:mod:`lexseg.fewshot.grow`).
        refine: radius of the filter by which masks follow edges, in pixels of the square; 0 leaves it out.
        words: the target in words; ``None`` takes the examples', where all have the same.
    """

    head: str = "ridge"
    head_args: Mapping[str, Any] = field(default_factory=dict)
    size: int = 256
    parts: tuple[str, ...] = PARTS
    encoder: str = "efficientnet-lite0"
    grow: bool = True
    refine: int = 4
    words: str | None = None

    def __post_init__(self) -> None:
        check_flags(grow=self.grow)
        if self.head not in HEADS:
            raise ConfigError(f"no head is called {self.head!r}; there are: {', '.join(HEADS)}")
        if self.size < 32 or self.size % 32:
            raise ConfigError(f"size is {self.size}; a number divisible by 32 was expected, such as 256")
        if not self.parts or set(self.parts) - set(PARTS):
            raise ConfigError(f"parts {','.join(self.parts)!r}: some of {', '.join(PARTS)} were expected")
        if self.refine < 0:
            raise ConfigError(f"refine is {self.refine}; a radius of 0 pixels or more was expected")


class Teacher:
    """Looks at examples through one model, and fits heads to what it saw.

    Args:
        base: the model whose features are used; one of few shots brings a head that was learnt over tasks.
        options: how.
        words: the target in words, for a model that reads them; ``None`` for none.
        unlearnt: whether its head is about to be learnt.

    Raises:
        ConfigError: the model has no features, or head and model do not fit together.
    """

    def __init__(
        self, base: LoadedModel, options: TeachingOptions, words: str | None = None, *, unlearnt: bool = False
    ) -> None:
        self.learnt = base.config.method == FewShot.name
        if self.learnt:
            if not base.config.arguments.get("learnt"):
                raise ConfigError(f"{base.folder}: was taught a target already; take the model that it stands on")
            options = replace(options, size=base.config.size[0])
        self.options = options
        self.arguments = arguments_of(base, options)
        self.model = FewShot(**self.arguments)
        if self.learnt:
            if base.config.arguments.get("head") != options.head:
                raise ConfigError(
                    f"{base.folder}: its head is {base.config.arguments.get('head')!r}, not {options.head!r}; give "
                    "--head accordingly, or another model"
                )
            self.model.load_state_dict(base.model.state_dict())
        elif self.model.base is not None:
            self.model.base.load_state_dict(base.model.state_dict())
        if self.model.head.must_learn and not (unlearnt or self.arguments.get("learnt")):
            raise ConfigError(
                f"head {options.head!r} is nothing before it was learnt over many tasks: `lexseg few-shot learn` does "
                "that; ridge, proto, panet, anil and finetune need no such thing"
            )
        self.model.eval()
        if words and base.text_encoder is not None and self.model.word_width:
            said = TextPipeline(base.text_encoder)([words])
            if said.attention_mask.shape[1] > TOKENS:
                raise ConfigError(f"the target's words have more than {TOKENS} tokens; name it in a few")
            self.model.tell(said)

    def look(self, example: Example, known: Seen | None = None) -> Seen:
        """See an example once, for all the heads that are fitted to it.

        Args:
            example: the image and its labels.
            known: the same image with other labels, which was looked at already.

        Raises:
            DataError: of a class no label is left at the size of the model.
        """
        half = (self.options.size // 2, self.options.size // 2)
        values, guide = self.see(example.image) if known is None else (known.values, known.guide)
        drawn = shrunk(example.labels, half)
        for value in (TARGET, BESIDE):
            if not (drawn == value).any():
                raise DataError("the labels are too close together: none of one class is left at the size of the model")
        labels = drawn
        if self.options.grow and (drawn == UNKNOWN).any():
            small = to_input(example.image, half).transpose(1, 2, 0)
            small = small if example.image.ndim == 3 else small[..., 0]
            share = grown(small, drawn)
            labels = np.where(share > 0.5, np.uint8(TARGET), np.uint8(BESIDE))
            labels[np.abs(2 * share - 1) < _DOUBT] = UNKNOWN
        return Seen(values, guide, Drawn.of(values, drawn), Drawn.of(values, labels))

    def see(self, image: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Features float[C, h, w] and brightness float[1, H, W] of float32[H, W] or [H, W, 3] in 0..1."""
        side = self.options.size
        batch = torch.from_numpy(np.array(to_input(image, (side, side))))[None]
        with torch.inference_mode():
            features = self.model.encode_image(batch)
            values = self.model.seen(features)[0]
        return values.clone(), features.maps[-1][0].clone()

    def fit(self, seen: Sequence[Seen]) -> Choice:
        """Fit the model's head to examples."""
        model = self.model
        if not self.learnt and seen:
            every = torch.cat([each.places for each in seen], 1)
            model.mean.copy_(every.mean(1))
            model.spread.copy_(every.std(1).clamp(min=1e-4))
        choice = choose(model, seen, self.options.head, self.options.head_args, tried=not self.learnt)
        drawn = [each.grown if choice.grown else each.drawn for each in seen]
        with torch.no_grad():
            if not self.learnt:
                model.head = create_head(self.options.head, model.channels, model.word_width, **choice.head_args)
                model.share.copy_(model.shares(choice.weights))
                self.arguments |= {"head_args": dict(choice.head_args), "weights": dict(choice.weights)}
            model.head.fit(joined_pixels(model, drawn))
        return choice


def joined_pixels(model: FewShot, seen: Sequence[Drawn]) -> Pixels:
    """All labelled pixels of several examples; without any, only the words."""
    parts = [each.pixels(model, number) for number, each in enumerate(seen)]
    if not parts:
        return Pixels(torch.zeros(0, model.channels), torch.zeros(0), torch.zeros(0, dtype=torch.int64), model.word)
    return together(parts, model.word)


def arguments_of(base: LoadedModel, options: TeachingOptions) -> dict[str, Any]:
    """The keywords of the model that is taught.

    Raises:
        ConfigError: the model that it is to stand on has no features.
    """
    config = base.config
    trained = base.text_encoder is not None and base.text_encoder.trainable
    own_encoder = (
        {"text_encoder": dict(config.text_encoder or {})} if trained else {}
    )  # which stands in the folder once
    if config.method == FewShot.name:
        return dict(config.arguments) | own_encoder
    arguments: dict[str, Any] = {
        "head": options.head,
        "head_args": dict(options.head_args),
        "encoder": options.encoder,
        "parts": list(options.parts),
        "refine": options.refine,
    }
    if "model" not in options.parts:
        return arguments
    own = {key: value for key, value in config.arguments.items() if key != "text_encoder"}
    width = own.pop("text_width", None)
    with torch.inference_mode():
        text = no_words([None]) if base.text_encoder is None else TextPipeline(base.text_encoder)(["it"])
        said = base.model(torch.zeros(1, 3, *config.size), text).features
    if said is None:
        raise ConfigError(
            f"{base.folder}: a model of the method {config.method!r} has no features to teach a head on; take another"
        )
    arguments |= {
        "of": config.method,
        "base": own,
        "base_size": list(config.size),
        "base_channels": int(said.shape[1]),
    }
    if width is not None:
        arguments["text_width"] = width
    arguments |= own_encoder
    if base.text_encoder is not None:
        arguments["words"] = [TOKENS, base.text_encoder.width]
    return arguments


def words_of(examples: Sequence[Example], given: str | None) -> str | None:
    """The target in words: as given, or as all the examples call it; ``None`` where they differ or say nothing."""
    if given is not None and given.strip():
        return given.strip()
    said = {example.text for example in examples}
    return said.pop() or None if len(said) == 1 else None
