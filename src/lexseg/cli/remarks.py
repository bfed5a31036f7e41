"""What commands say beside their results: that something goes on, and whose left is taken for granted."""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexseg.language.sides import Laterality
    from lexseg.predict.segmenter import Segmenter

EVERY = 30.0
"""Seconds between two lines; shorter work says nothing."""


class SpokenProgress:
    """Says ``scoring: 120 of 600 (20 %), 45 s``, to the standard error output, no more than twice a minute.

    Args:
        what: is going on.
        clock: seconds, from any beginning.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._clock = what, clock
        self._began = self._last = clock()

    def __call__(self, done: int, total: int | None) -> None:
        """So many of all (``None`` where that is not known) are done."""
        now = self._clock()
        if now - self._last < EVERY:
            return
        self._last = now
        share = f" of {total:,} ({done / total:.0%})" if total else ""
        print(f"{self._what}: {done:,}{share}, {now - self._began:.0f} s", file=sys.stderr, flush=True)


def tell_sides(
    segmenter: "Segmenter",
    asked: "Iterable[tuple[Path, Iterable[str | None], Laterality | None, str | None]]",
) -> None:
    """Say, once, what is taken for granted: a letter that was put on a film is pixels, and nobody reads it here.

    Args:
        segmenter: that will be asked.
        asked: images, the sentences about them, whose left is said to be meant, and the sentences' language.
    """
    from lexseg.predict.picture_sides import taken
    from lexseg.scans.pictures import SUFFIXES

    for image, texts, laterality, language in asked:
        if laterality is None and image.suffix.lower() in SUFFIXES and _names_a_side(texts, language):
            print(f"note: {taken(segmenter.laterality)}", file=sys.stderr)
            return


def _names_a_side(texts: Iterable[str | None], language: str | None) -> bool:
    from lexseg.language.lexicon import languages, lexicon
    from lexseg.language.sides import mentions_side

    words = lexicon(language if language in languages() else "en")
    return any(mentions_side(text, words) for text in texts if text)
