"""The contract of text encoders: sentences to token ids, token ids to token states."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.text.reader import checked_ids, fingerprint
from lexseg.errors import ModelError


class TextEncoder(nn.Module, ABC):
    """Gives every token of a sentence a state.

    Attributes:
        name: what messages call it: ``minilm``, a hub id, a folder or ``word``.
        width: D, the size of a token's state.
        max_length: the most tokens a sentence may have, special tokens included. Longer ones are refused, never cut.
        trainable: true if the encoder is trained, and so saved, with the model; false if it is frozen.
        pad_id: the id that fills up the shorter sentences of a batch.
    """

    name: str
    width: int
    max_length: int
    trainable: bool
    pad_id: int = 0

    def __init__(self) -> None:
        super().__init__()
        self._fingerprint: str | None = None

    @abstractmethod
    def token_ids(self, text: str) -> list[int]:
        """The ids of one sentence, special tokens included, however long it is."""

    @abstractmethod
    def unknown_share(self, text: str) -> float:
        """The share, 0..1, of the sentence's tokens that the vocabulary does not know; 1 if it has no tokens at all."""

    @abstractmethod
    def vocabulary(self) -> Mapping[str, int]:
        """Every token and its id."""

    def tokenizer_json(self) -> str:
        """How it cuts a sentence into tokens, as the `tokenizers` library writes it: for use without torch.

        Raises:
            ModelError: it cannot be written so.
        """
        raise ModelError(f"the text encoder {self.name!r} cannot be used without torch: it has no tokenizer.json")

    @property
    def unknown_id(self) -> int | None:
        """The id of what the vocabulary does not know; ``None`` where it knows all."""
        return None

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Plain JSON values from which :func:`lexseg.encoders.text.create_text_encoder` builds the same encoder."""

    @abstractmethod
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode a batch of sentences.

        Args:
            input_ids: int64[B, L].
            attention_mask: bool[B, L], true where a token is. Every row needs at least one.

        Returns:
            float[B, L, D], the last hidden states. Those of padding mean nothing.
        """

    def count_tokens(self, text: str) -> int:
        """How many tokens the sentence has, special tokens included; to be compared with ``max_length``."""
        return len(self.token_ids(text))

    def check(self, text: str) -> None:
        """Raise ``TextError`` where a sentence is longer than ``max_length``, or holds nothing to read."""
        checked_ids(self.token_ids(text), self.name, self.max_length)

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Turn sentences into ids, filled up to the longest.

        Returns:
            ids int64[B, L] and mask bool[B, L], true where a token is.

        Raises:
            TextError: if a sentence is longer than ``max_length``, or holds nothing to read.
        """
        rows = [checked_ids(self.token_ids(text), self.name, self.max_length) for text in texts]
        length = max((len(row) for row in rows), default=1)
        ids = torch.full((len(rows), length), self.pad_id, dtype=torch.int64)
        mask = torch.zeros((len(rows), length), dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, dtype=torch.int64)
            mask[i, : len(row)] = True
        return ids, mask

    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the weights, the vocabulary and the way words are read.

        A frozen encoder computes it once (about 0.1 s for MiniLM); the weights of a trainable one may have changed.
        """
        if self._fingerprint is not None and not self.trainable:
            return self._fingerprint
        values = {name: p.detach().to(device="cpu", dtype=torch.float32) for name, p in self.named_parameters()}
        weights = {name: value.contiguous().numpy() for name, value in values.items()}
        self._fingerprint = fingerprint(weights, self.vocabulary(), self.token_ids)
        return self._fingerprint

    def train(self, mode: bool = True) -> "TextEncoder":
        """A frozen encoder stays in evaluation mode: dropout would make its states differ from call to call."""
        super().train(mode and self.trainable)
        return self
