"""What is said of pictures that cannot say whose left is "left", where a sentence names a side."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexseg.language.sides import Laterality
    from lexseg.predict.segmenter import Segmenter


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
