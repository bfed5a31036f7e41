"""Sentences as tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TextBatch:
    """The sentences of a batch, either as token ids or as the states of a frozen text encoder.

    Attributes:
        attention_mask: bool[B, L], true where a token is, false where padding is. A null sentence may be all false.
        caption_id: int[B], equal for sentences that mean the same, whatever their words
            (:mod:`lexseg.training.row_meaning`).
        is_null: bool[B], true where the sentence is missing; such rows are left out of contrastive terms.
        input_ids: int[B, L], for a text encoder that is part of the model.
        states: float[B, L, D], last hidden states of a frozen text encoder.
        swapped: the same sentences with their places swapped, a batch for each way (left with right, upper with lower),
            null where that changes nothing; empty where the model does not ask for them.
        names_place: bool[B], true where a place or a part is named; ``None`` where nobody has looked.
    """

    attention_mask: Tensor
    caption_id: Tensor
    is_null: Tensor
    input_ids: Tensor | None = None
    states: Tensor | None = None
    swapped: "tuple[TextBatch, ...]" = ()
    names_place: Tensor | None = None

    def __len__(self) -> int:
        return int(self.attention_mask.shape[0])

    def to(self, device: torch.device | str) -> "TextBatch":
        """The same batch on another device."""

        def moved(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(device, non_blocking=True)

        return replace(
            self,
            attention_mask=self.attention_mask.to(device, non_blocking=True),
            caption_id=self.caption_id.to(device, non_blocking=True),
            is_null=self.is_null.to(device, non_blocking=True),
            input_ids=moved(self.input_ids),
            states=moved(self.states),
            swapped=tuple(batch.to(device) for batch in self.swapped),
            names_place=moved(self.names_place),
        )

    def swapped_forms(self) -> "tuple[TextBatch, ...]":
        """:attr:`swapped`, for a loss that cannot do without.

        Raises:
            ValueError: if there are none.
        """
        if not self.swapped:
            raise ValueError(
                "swapped_weight is not 0, so the text must hold `swapped`: see lexseg.encoders.text.swapped"
            )
        return self.swapped


EncodeText = Callable[[Sequence[str | None]], TextBatch]
"""What makes a batch of sentences; ``None`` is the null sentence."""


def no_sentences(like: TextBatch, n: int) -> TextBatch:
    """``n`` null sentences, as long as those of another batch and for the same text encoder."""

    def zeros(t: Tensor | None) -> Tensor | None:
        return None if t is None else t.new_zeros(n, *t.shape[1:])

    mask = like.attention_mask.new_zeros(n, like.attention_mask.shape[1])
    ids = -1 - torch.arange(n, device=mask.device)
    null = torch.ones(n, dtype=torch.bool, device=mask.device)
    return TextBatch(mask, ids, null, input_ids=zeros(like.input_ids), states=zeros(like.states))


def no_words(texts: Sequence[str | None]) -> TextBatch:
    """What an image-only model is given: null sentences."""
    null = torch.ones(len(texts), dtype=torch.bool)
    return TextBatch(torch.zeros(len(texts), 1, dtype=torch.bool), -1 - torch.arange(len(texts)), null)
