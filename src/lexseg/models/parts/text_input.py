"""The door through which sentences enter a model."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.batch import TextBatch


class TextInput(nn.Module):
    """Turns a ``TextBatch`` into token states, and a missing sentence into one learned null token.

    A trainable text encoder is a part of this module, and so is saved with the model; a frozen one stays outside, and
    its states come with the batch.

    Args:
        width: size of the text encoder's states.
        encoder: the text encoder that is trained with the model; ``None`` if batches bring states.
        dim: size of the tokens that come out, by a linear layer; ``None`` leaves the states as they are.
    """

    def __init__(self, width: int, encoder: TextEncoder | None = None, dim: int | None = None) -> None:
        super().__init__()
        if encoder is not None and encoder.width != width:
            raise ValueError(f"the text encoder's states have width {encoder.width}, not {width}")
        self.width = width
        self.dim = width if dim is None else dim
        self.encoder = encoder
        self.project: nn.Module = nn.Identity() if dim is None else nn.Linear(width, dim)
        self.null_token = nn.Parameter(torch.randn(self.dim) * 0.02)

    def forward(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        """Give each row its tokens.

        Returns:
            tokens float[B, L, dim], zero where the mask is false, and mask bool[B, L]. A null row has the null token at
            position 0 and nothing else.

        Raises:
            ValueError: if the batch does not hold what this model reads.
        """
        first = torch.zeros_like(text.attention_mask)
        first[:, 0] = True
        null = text.is_null[:, None]
        mask = (null & first) | (~null & text.attention_mask)  # not `where`: ONNX Runtime has none of truth values
        tokens = self.project(self._states(text, mask))
        # Selected, not indexed: the null token and the encoder then have a gradient, if a zero one, in every batch.
        tokens = torch.where((null & first)[..., None], self.null_token.to(tokens.dtype), tokens)
        return tokens * mask[..., None], mask

    def _states(self, text: TextBatch, mask: Tensor) -> Tensor:
        if (text.input_ids is None) == (text.states is None):
            raise ValueError("a TextBatch holds either `input_ids` or `states`; this one holds both or neither")
        if text.input_ids is not None:
            if self.encoder is None:
                raise ValueError(
                    "the batch holds `input_ids`, but this model has no text encoder of its own: build the "
                    "TextPipeline of the frozen text encoder that it was made for, so that the batch holds `states`"
                )
            states: Tensor = self.encoder(text.input_ids, mask)
            return states
        assert text.states is not None
        if self.encoder is not None:
            raise ValueError(
                f"the batch holds `states`, but this model trains its own text encoder {self.encoder.name!r}: build "
                "the TextPipeline of that encoder, so that the batch holds `input_ids`"
            )
        if text.states.shape[-1] != self.width:
            raise ValueError(
                f"the batch's states have width {text.states.shape[-1]}, but this model reads width {self.width}"
            )
        return text.states


def trained_text_encoder(config: Mapping[str, Any] | None) -> TextEncoder | None:
    """The text encoder that is a part of the model; ``None`` where it is frozen and stands outside.

    Args:
        config: as :func:`lexseg.encoders.text.create_text_encoder` takes it, and ``pretrained``: false where the model
            is about to load its own weights.
    """
    if config is None:
        return None
    options = dict(config)
    pretrained = bool(options.pop("pretrained", True))
    return create_text_encoder(options, pretrained=pretrained)
