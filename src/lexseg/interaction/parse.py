"""From a sentence to what it asks to be done to a mask.

Rules, no network: a sentence is done as a whole or not at all, each of its words must play a part, and what could mean
two opposite things is refused.
"""

from lexseg.interaction.reading.about import About, Misunderstood, Understood
from lexseg.interaction.reading.sentences import Sentences
from lexseg.language.lexicon import Lexicon, lexicon

__all__ = ["About", "Misunderstood", "Understood", "parse"]
_MOST = 500  # letters of a correction


def parse(text: str, about: About | None = None, words: Lexicon | None = None) -> Understood:
    """What a sentence asks for.

    Args:
        text: the sentence; several may be joined by commas, "and", "then".
        about: what it is about.
        words: the lexicon; ``None`` is English, the only one with words for corrections.

    Returns:
        what is to be done, in order; one :class:`Control` alone, or operations on the mask.

    Raises:
        Misunderstood: if it is none, or not surely; the message says which words are not known, or what is unclear.
    """
    if not text.strip():
        raise Misunderstood("nothing was said; say what is to change, such as 'a bit more generous'")
    if len(text) > _MOST:
        raise Misunderstood(f"a correction has at most {_MOST} letters; say one thing at a time")
    return Sentences(about or About(), words or lexicon()).all(text)
