"""What a sentence says: a lexicon for each language, one reading of a sentence, and what follows from it.

Here live the words (`lexseg/assets/language/<code>.json`, one file a language, for Python and for JavaScript), and the
rules that read them: denial, places, sides and their mirroring, contradictions, codes, plain words, reports, other
wordings, spelling mistakes, translation. The room may touch nothing but strings and `lexseg.errors`: no network, no
image, no file but its lexicons. Its door is :func:`read`; `affirmed`, `places`, `mirror_words` and the like stand
beside it.
"""

from lexseg.language.lexicon import Lexicon, languages, lexicon
from lexseg.language.reading import Phrase, Reading, read

__all__ = ["Lexicon", "Phrase", "Reading", "languages", "lexicon", "read"]
