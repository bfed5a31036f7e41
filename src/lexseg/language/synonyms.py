"""The English lexicon's tables of other wordings (``rewording``), as constants."""

from lexseg.language.lexicon import lexicon
from lexseg.language.paraphrase import frozen

_TABLES = frozen(lexicon().value("rewording"))
FILM_NOUNS = _TABLES["film_nouns"]
FILM_PLURALS = _TABLES["film_plurals"]
FILM_SENTENCES = _TABLES["film_sentences"]
FILM_SENTENCES_WITHOUT_PLACES = _TABLES["film_sentences_without_places"]
LATERALITY = _TABLES["laterality"]
COUNTED = _TABLES["counted"]
COUNTED_ONE = _TABLES["counted_one"]
FILM_WORDS = _TABLES["film_words"]
CT_WORDS = _TABLES["ct_words"]
BREAST_WORDS = _TABLES["breast_words"]
POLYP_WORDS = _TABLES["polyp_words"]
COMMON_WORDS = _TABLES["common_words"]
