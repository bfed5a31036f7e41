"""What a sentence says: a lexicon for each language, one reading of a sentence, and what follows from it.

Here live the words (`lexseg/assets/language/<code>.json`, one file a language, for Python and for JavaScript), and the
rules that read them: denial, places, sides and their mirroring, contradictions, codes, plain words, reports, other
wordings, spelling mistakes, translation. The room may touch nothing but strings and `lexseg.errors`: no network, no
image, no file but its lexicons. Its door is :func:`read`; `affirmed`, `places`, `mirror_words` and the like stand
beside it.
"""

from typing import TYPE_CHECKING, Any

from lexseg.language.lexicon import Lexicon, languages, lexicon

if TYPE_CHECKING:
    from lexseg.language.reading import Phrase, Reading, read

__all__ = ["Lexicon", "Phrase", "Reading", "languages", "lexicon", "read"]


def __getattr__(name: str) -> Any:
    # words and sides are told without reading a sentence whole: what reads it is imported when it is asked for
    if name in ("Phrase", "Reading", "read"):
        from lexseg.language import reading

        return getattr(reading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
