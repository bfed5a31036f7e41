"""A small word-level encoder, trained from scratch together with the model."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Split
from torch import Tensor, nn

from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import ModelError

_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_WORD_ELSEWHERE = r"[\p{L}\p{N}]+|[^\p{L}\p{N}\s]"  # the same where \w holds accents that stand alone, too
PAD, UNKNOWN = 0, 1


class WordEncoder(TextEncoder):
    """Word embeddings, sinusoidal positions and a few pre-norm transformer layers.

    Args:
        vocabulary: the known words as :meth:`build_vocabulary` gives them; their ids follow ``<pad>`` and ``<unk>``.
        width: size of a word's state.
        layers: number of transformer layers.
        heads: attention heads of a layer.
        dropout: in the transformer layers, in training only.
        max_length: the most words and punctuation marks of a sentence.
        trainable: only true will do: a frozen one would be random words, saved nowhere.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.0,
        max_length: int = 256,
        trainable: bool = True,
    ) -> None:
        super().__init__()
        words = list(vocabulary)
        if not words or len(set(words)) != len(words) or any(split_words(w) != [w] for w in words):
            raise ModelError("vocabulary of the word encoder: distinct lower-case words were expected, at least one")
        if not trainable:
            raise ModelError(
                "the word encoder starts from nothing and is trained with the model: leave `trainable` true"
            )
        if width % heads or width % 2:
            raise ModelError(f"word encoder of width {width}: an even multiple of its {heads} heads was expected")
        self.name, self.width, self.max_length, self.trainable = "word", width, max_length, True
        self._options = {"width": width, "layers": layers, "heads": heads, "dropout": dropout, "max_length": max_length}
        self._ids = {"<pad>": PAD, "<unk>": UNKNOWN} | {word: i for i, word in enumerate(words, start=2)}
        self.embedding = nn.Embedding(len(self._ids), width, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        with torch.no_grad():  # an unknown word says nothing, rather than something random
            self.embedding.weight[: UNKNOWN + 1].zero_()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    @staticmethod
    def build_vocabulary(texts: Iterable[str], min_count: int = 1) -> list[str]:
        """The words of the training sentences that occur at least ``min_count`` times, the most frequent first."""
        counts = Counter(word for text in texts for word in split_words(text))
        return sorted((w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))

    def token_ids(self, text: str) -> list[int]:
        return [self._ids.get(word, UNKNOWN) for word in split_words(text)]

    def unknown_share(self, text: str) -> float:
        ids = self.token_ids(text)
        return ids.count(UNKNOWN) / len(ids) if ids else 1.0

    def vocabulary(self) -> Mapping[str, int]:
        return self._ids

    def tokenizer_json(self) -> str:
        tokenizer = Tokenizer(WordLevel(dict(self._ids), unk_token="<unk>"))
        tokenizer.normalizer = Lowercase()
        tokenizer.pre_tokenizer = Split(Regex(_WORD_ELSEWHERE), "removed", invert=True)
        return str(tokenizer.to_str())

    @property
    def unknown_id(self) -> int | None:
        return UNKNOWN

    def config(self) -> dict[str, Any]:
        return {"kind": "word", "vocabulary": list(self._ids)[2:], **self._options, "trainable": True}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        positions = sinusoidal_positions(input_ids.shape[1], self.width).to(self.embedding.weight)
        # Words are scaled to the size of the positions, as in the original transformer.
        x = self.embedding(input_ids) * math.sqrt(self.width) + positions
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~attention_mask)
        return cast(Tensor, self.norm(x))


def split_words(text: str) -> list[str]:
    """Lower-case words, numbers and punctuation marks, in order."""
    return _WORD.findall(text.lower())


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """float[length, width]: sines in the even and cosines in the odd columns ("Attention is all you need", 3.5)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(length, width)
