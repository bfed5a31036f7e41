"""Whether a sentence is in another language than English, which the rules for denials and places read.

Words that stand in a report of another language and in no English one, in five languages; and any other script. Half a
sentence is too short for language identification as libraries offer it, which calls "RLL opacity" anything. What it
misses ("infiltrat") goes unsaid; what it names is not English.
"""

import re
import unicodedata

# What is also English, Latin or an abbreviation of the clinic is left out: die, in, des, la, et, con, los, met, het;
# and what is typed in a hurry or is part of a name: im, der.
_WORDS = (
    # German
    *("das", "und", "oder", "ein", "eine", "einen", "einer", "kein", "keine", "keinen", "nicht", "ohne", "mit"),
    *("auf", "bei", "beim", "zwei", "ist", "sind", "beide", "beiden", "beidseits", "beidseitig", "beidseitige"),
    *("links", "linke", "linken", "linker", "linkes", "linksseitig", "linksseitige", "rechts", "rechte", "rechten"),
    *("rechter", "rechtes", "rechtsseitig", "rechtsseitige", "lunge", "lungen", "unterlappen", "oberlappen"),
    *("mittellappen", "unterfeld", "oberfeld", "mittelfeld", "lungenflügel", "verschattung", "verschattungen"),
    # French
    *("les", "une", "dans", "avec", "sans", "aucun", "aucune", "gauche", "droit", "droite", "poumon", "poumons"),
    *("infectieux", "opacité", "opacités", "foyer", "foyers", "supérieur", "inférieur", "deux"),
    # Spanish
    *("el", "una", "sin", "ningún", "ninguna", "izquierdo", "izquierda", "derecho", "derecha", "pulmón", "pulmones"),
    *("opacidad", "opacidades", "infección", "lóbulo", "dos"),
    # Italian
    *("il", "nel", "nella", "della", "senza", "nessun", "nessuna", "sinistro", "sinistra", "destro", "destra"),
    *("polmone", "polmoni", "opacità", "lobo"),
    # Portuguese
    *("não", "sem", "nenhum", "nenhuma", "esquerdo", "esquerda", "direito", "direita", "pulmão", "pulmões", "infecção"),
    # Dutch
    *("een", "geen", "zonder", "linkerlong", "rechterlong", "longen", "beiderzijds", "rechtszijdig", "linkszijdig"),
)  # fmt: skip
_FORMS = {
    form for word in _WORDS for form in (word, word.capitalize())
}  # not in capitals: EL, IL, MIT are abbreviations
_LETTERS = re.compile(r"[^\W\d_]+")


def looks_foreign(text: str) -> bool:
    """Whether a sentence holds a word of another language, or is mostly written in another script than ours.

    Args:
        text: one sentence or several. Greek letters and accents alone, as in names, are no sign of it.
    """
    plain = unicodedata.normalize("NFC", text)
    return not _FORMS.isdisjoint(_LETTERS.findall(plain)) or _mostly_another_script(plain)


def _mostly_another_script(text: str) -> bool:
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    ours = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    return 2 * ours < len(letters)
