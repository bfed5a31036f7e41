"""What is asked of whatever reads a sentence, before a network runs. Imports nothing but the errors."""

from collections.abc import Sequence
from typing import Protocol

from lexseg.errors import TextError


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
