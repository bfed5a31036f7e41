"""The words that a lexicon does not know: each may name something that could be found, or be of another language.

A foreign sentence is told by words that stand in a report of another language and in no English one; and by any other
script. Half a sentence is too short for language identification as libraries offer it, which calls "RLL opacity"
anything. What this misses ("infiltrat") goes unsaid.
"""

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise

from lexseg.language.lexicon import Lexicon, compiled, either, languages, lexicon, written_out
from lexseg.language.sides import places

_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*")  # "well-defined", "e.g", "don't"
_NUMBERED = re.compile(r"[^\W_]*\d[^\W_]*")
_TYPED = re.compile(r"(?<![\w'\u2019.])[^\W\d_]{3,}(?![\w'\u2019])")
_KANA = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")  # Japanese and Korean, which have Chinese letters too
_TELLING = 4  # letters of a word that tells a language by itself
_LETTERS = re.compile(r"[^\W\d_]+")
_PART = 3  # letters of the shortest word that may be misspelt, or run together with another
_ALIKE, _LONGER = 0.75, 2  # share of letters from which on a word may be another misspelt; letters it may have more
_FAR = 3  # the kind of slip that puts any letter for another
_WORDS = 4096  # words of users that are remembered: a server meets new ones for ever
_ABBREVIATED = 5  # letters up to which capitals are an abbreviation
# everything that a sentence may be made of, but the common words
_TABLES = (
    *("finding", "seen", "deny.before", "deny.after_finding", "deny.after_place", "deny.only_looks_like_it"),
    *(
        "deny.only",
        "deny.leaves_out",
        "deny.values",
        "deny.verbs",
        "deny.new_clause",
        "deny.exception",
        "deny.there",
        "deny.signs",
        "deny.little",
    ),
    *("doubt.before", "doubt.after", "joints.list", "joints.or", "joints.with", "abbreviations.clause"),
    *("abbreviations.report", "place.lying", "place.in", "sides.both", "heights.middle", "heights.lower_alone"),
    *("sections.findings", "sections.others", "ill", "kinds", "general"),
)
_DENYING = ("deny.before", "deny.after_finding", "deny.after_place", "deny.values", "heights.middle")


def unknown_words(text: str, words: Lexicon) -> tuple[str, ...]:
    """The words of a text that the lexicon does not hold, in their order.

    A word that is one slip of the hand away from a known one counts as known, and so does a number.

    Args:
        text: one sentence or several.
        words: the language.
    """
    if not words.spaced:
        return _unknown_runs(text, words)
    # word by word first: most sentences hold nothing that only a phrase would explain
    strange = [
        match
        for match in _TOKEN.finditer(text)
        if not _NUMBERED.fullmatch(match.group()) and not is_known(match.group(), words)
    ]
    return tuple(match.group() for match in _unexplained(strange, text, words))


def _unexplained(strange: Sequence[re.Match[str]], text: str, words: Lexicon) -> list[re.Match[str]]:
    """Those of the words found in a text that stand in no phrase of the lexicon."""
    if not strange:
        return []
    covered = [match.span() for known in _known(words) for match in known.finditer(text)]
    return [
        match for match in strange if not any(start <= match.start() and match.end() <= end for start, end in covered)
    ]


def is_known(word: str, words: Lexicon) -> bool:
    """Whether the lexicon holds a word, or one that it is a slip of the hand away from."""
    return _is_known(word.casefold().replace("\u2019", "'"), words)


def mended(text: str, words: Lexicon) -> str:
    """The text with each unknown word that is a slip of the hand away from one known word written as that word.

    "opacitiy in the lfet lung" becomes "opacity in the left lung", and "leftlung" two words. What may have been meant
    to be words of several meanings stays, and so does what is a word itself, though the lexicon needs it nowhere else:
    a "lesson" is no "lesion".

    Args:
        text: one sentence or several.
        words: the language.
    """
    return read_as(text, words)[0]


def read_as(text: str, words: Lexicon) -> tuple[str, tuple[str, ...]]:
    """The text as :func:`mended` writes it, and the words that were taken for misspelt ones, as they were meant."""
    if not words.spaced:
        return text, ()
    typed = [each for each in _TYPED.finditer(text) if not (each.group().isupper() and len(each[0]) <= _ABBREVIATED)]
    apart = _apart(typed, text, words)
    typed = [each for each in typed if not any(start <= each.start() < end for start, end in apart)]
    strange = [each for each in typed if _meant(each.group().casefold(), words)]
    read = {each.span(): _meant(each.group().casefold(), words) for each in _unexplained(strange, text, words)}
    read |= {each.span(): meant for each in typed if (meant := _end_meant(each.group().casefold(), words))}
    read |= {each.span(): meant for each in typed if (meant := _organ_meant(each, text, words))}
    read |= apart
    for (start, end), meant in sorted(read.items(), reverse=True):
        text = f"{text[:start]}{meant}{text[end:]}"
    return text, tuple(str(meant) for _, meant in sorted(read.items()))


def _apart(typed: Sequence[re.Match[str]], text: str, words: Lexicon) -> dict[tuple[int, int], str]:
    """By where they stand, words that were written in two: "birth mark", where one of the two is no word by itself."""
    found: dict[tuple[int, int], str] = {}
    for first, second in pairwise(typed):
        if text[first.end() : second.start()] not in (" ", "-"):
            continue
        whole = f"{first[0]}{second[0]}".casefold()
        if whole not in _spelt(words) or not _meaning(whole, words):
            continue
        if not all(holds(each[0].casefold(), words) for each in (first, second)):
            found[first.start(), second.end()] = whole
    return found


def _organ_meant(typed: re.Match[str], text: str, words: Lexicon) -> str | None:
    """Which part of the body a word right before a finding was meant to be, though it is one itself: "brian tumour"."""
    word = typed[0].casefold()
    if word not in _mistakable(words) or text[typed.end() : typed.end() + 1] != " ":
        return None
    if not any(start == typed.end() + 1 for start, _, _ in words.finding_finder(text)):
        return None
    near = [other for other, kind in _near(word, words).items() if kind <= 1 and words.organ_finder(other)]
    return near[0] if len({_meaning(other, words) for other in near}) == 1 else None


def _end_meant(word: str, words: Lexicon) -> str | None:
    """What a word was meant to be of which the lexicon knows the stem, and the end is misspelt: "opacitiy"."""
    if any(word in known for known in (_single(words), _spelt(words), _mistakable(words))):
        return None
    own = _meaning(word, words)
    if not own:
        return None
    near = {other: kind for other, kind in _near(word, words).items() if _meaning(other, words) == own}
    return max(near, key=lambda other: (-near[other], len(other)), default=None)


@lru_cache(_WORDS)
def _meant(word: str, words: Lexicon) -> str | None:
    """What a misspelt word was meant to be; ``None`` for a word, for what is near none, and near several meanings."""
    sides = {str(row["word"]): str(row["side"]) for row in words.value("sides.misspelt")}
    if word in sides:
        return sides[word]
    if _is_word(word, words):
        return None
    near = _near(word, words)
    kind = min(near.values(), default=0)
    likeliest = [other for other in near if near[other] == kind]
    if likeliest:
        one = len({_meaning(other, words) for other in likeliest}) == 1
        return max(likeliest, key=len) if one else None
    pairs = [(word[:i], word[i:]) for i in range(_PART, len(word) - _PART + 1)]  # run together
    pairs = [pair for pair in pairs if all(holds(part, words) for part in pair)]
    pairs = [pair for pair in pairs if any(_meaning(part, words) for part in pair)]
    return " ".join(pairs[0]) if len(pairs) == 1 else None


def _is_word(word: str, words: Lexicon) -> bool:
    """Whether it is one, of those that the lexicon holds or those that are near them."""
    single = _single(words)
    return word in _mistakable(words) or _is_plural(word, single) or holds(word, words)


def _mistakable(words: Lexicon) -> frozenset[str]:
    """Words of the language that are near some of the lexicon's, and mean something else."""
    return words.kept("mistakable", make=lambda: frozenset(words.rows("mistakable")))


def _is_plural(word: str, single: frozenset[str]) -> bool:
    return word.endswith("s") and not word.endswith("ss") and word[:-1] in single


def _near(word: str, words: Lexicon) -> dict[str, int]:
    """The words of the lexicon that are a slip away, and of which kind it is."""
    from lexseg.language.slips import slips  # of a sentence of known words nothing is looked up

    spelt = _spelt(words)
    return {other: kind for other, kind in slips(word).items() if other in spelt and _may_be(other, kind, word, words)}


def _may_be(meant: str, kind: int, word: str, words: Lexicon) -> bool:
    """Whether a word that is a slip away may be meant: of three letters only "the" and its like, two exchanged.

    What denies is not read into a word that is a letter of a far key away: "snaring" is no "sparing".
    """
    if len(meant) <= _PART:
        denies = any(row.startswith(meant) for row in words.rows("deny.before"))
        return kind == 0 and len(meant) == len(word) == _PART and not denies and not _meaning(meant, words)
    return kind < _FAR or words.words(*_DENYING).search(meant) is None


def _meaning(word: str, words: Lexicon) -> tuple[str, ...]:
    """What a word of the lexicon stands for: findings, parts of the body, attributes, places; nothing for others."""
    known: dict[str, tuple[str, ...]] = words.kept("meanings", make=dict)
    if word not in known:
        named = [what.id for _, _, what in words.finding_finder(word)]
        named += [what.id for _, _, what in words.organ_finder(word)]
        named += [str(row["id"]) for _, _, row in words.attribute_finder(word)]
        own = word in place_names(words) or words.words(*_DENYING).search(word) is not None
        known[word] = (*named, *((word,) if own else ()))
    return known[word]


def may_be_finding(word: str, words: Lexicon) -> bool:
    """Whether an unknown word could name something to be found: long enough, and not formed as an adjective is."""
    ends = words.rows("adjective_endings")
    return len(word) > 3 and not any(word.casefold().endswith(end) for end in ends)


def names_disease(word: str, words: Lexicon) -> bool:
    """Whether an unknown word is formed as names of diseases are ("leukodystrophy"), and resembles no known one."""
    return word.casefold().endswith(words.rows("disease_endings")) and not resembles(word, words)


@lru_cache(_WORDS)
def resembles(word: str, words: Lexicon) -> bool:
    """Whether an unknown word may be one of the lexicon's, misspelt twice or thrice, or cut short: "opac", "consol"."""
    low = word.casefold()
    if len(low) > _PART and any(each.startswith(low) for each in _telling(words)):
        return True
    alike = [each for each in _telling(words) if abs(len(each) - len(low)) <= _LONGER and {*low[:2]} & {*each[:2]}]
    return bool(get_close_matches(low, alike, 1, _ALIKE))


def _telling(words: Lexicon) -> frozenset[str]:
    """Words of which names of findings and parts of the body are made, all forms that are written out."""

    def make() -> frozenset[str]:
        rows = {*words.rows("spellings"), *_names(words, stems=not words.rows("spellings"))}
        said = (word for row in rows for word in written_out(row))
        return frozenset(word for word in said if word.isalpha() and len(word) > _PART)

    return words.kept("telling", make=make)


def names_finding(text: str, words: Lexicon) -> bool:
    """Whether a word names something that could be found, or is unknown and may do so; a mere place does not."""
    if words.finding_finder(text):
        return True
    return any(may_be_finding(word, words) for word in unknown_words(text, words))


def holds(word: str, words: Lexicon) -> bool:
    """Whether the lexicon holds a word as it is written, in lower case."""
    return word in _single(words) or any(known.fullmatch(word) for known in _known(words))


@lru_cache(_WORDS)
def _is_known(word: str, words: Lexicon) -> bool:
    single = _single(words)
    if holds(word, words):
        return True
    bare = word.replace("'", "")
    if bare in single or _is_plural(bare, single):
        return True
    if re.search(r"[-.']", word):
        parts = [part for part in re.split(r"[-.']", word) if part]
        return len(parts) > 1 and all(len(part) == 1 or is_known(part, words) for part in parts)
    if _is_word(word, words):
        return False
    near = _near(word, words)  # words of several meanings: it may be any
    return _meant(word, words) is not None or (bool(near) and not any(_meaning(other, words) for other in near))


def _known(words: Lexicon) -> tuple[re.Pattern[str], ...]:
    """Find all that the tables of a lexicon hold."""

    def make() -> tuple[re.Pattern[str], ...]:
        remarks = (f"remarks.{kind}" for kind in words.value("remarks"))
        found = [words.words(table) for table in (*_TABLES, *remarks)]
        organs = [words.expression(name) for organ in words.organs for name in organ.names]
        attributes = [words.expression(name) for row in words.value("attributes") for name in _attribute(row)]
        sides = [words.expression(str(row[key])) for row in words.value("sides.pairs") for key in ("left", "right")]
        return (*found, *(words.whole_words(either(rows)) for rows in (organs, attributes, sides)))

    return words.kept("known", make=make)


def _single(words: Lexicon) -> frozenset[str]:
    """All words that are written out."""

    def make() -> frozenset[str]:
        rows = {*words.rows("common"), *words.rows("strange.for"), *place_names(words), *_names(words)}
        rows |= {row["word"] for row in words.value("sides.misspelt")}
        return frozenset(part.casefold() for row in rows for part in row.split() if part.isalpha())

    return words.kept("single", make=make)


def _spelt(words: Lexicon) -> frozenset[str]:
    """Words that a misspelt one may be: those that are written out, all forms of a row, and a list of more."""

    def make() -> frozenset[str]:
        rows = {*words.rows("spellings"), *words.rows("common"), *words.rows("strange.for")}
        rows |= _names(words, stems=not words.rows("spellings"))
        rows |= {row for table in _TABLES if table != "finding" for row in words.rows(table)}
        said = {part for name in place_names(words) for part in re.split(r"[\s-]+", name)}
        return frozenset(word for word in said.union(*map(written_out, rows)) if word.isalpha())

    return words.kept("spelt", make=make)


def _names(words: Lexicon, *, stems: bool = True) -> set[str]:
    """Names of findings, parts of the body and attributes, stems without their star or not at all."""
    names = [name for finding in words.findings for name in finding.names]
    names += [name for organ in words.organs for name in organ.names]
    rows = {name.rstrip("*") for name in names if stems or not name.endswith("*")}
    return rows | {name for row in words.value("attributes") for name in _attribute(row)}


def place_names(words: Lexicon) -> frozenset[str]:
    """Words and abbreviations of side and height, in lower case."""

    def make() -> frozenset[str]:
        tables = ("sides.pairs", "sides.short", "heights.pairs", "heights.short")
        rows = [row for table in tables for row in words.value(table)]
        return frozenset(
            row[key].casefold() for row in rows for key in ("left", "right", "upper", "lower") if key in row
        )

    return words.kept("place names", make=make)


def _attribute(row: dict[str, object]) -> tuple[str, ...]:
    also = row["also"]
    assert isinstance(also, list)
    return (str(row.get("one", row["id"])), *map(str, also))


def _unknown_runs(text: str, words: Lexicon) -> tuple[str, ...]:
    """Where no blanks part words: what is left of runs of letters when all that is known is taken out."""
    rest = text
    for finder in (words.finding_finder, words.organ_finder, words.attribute_finder):
        for start, end, _ in reversed(finder(rest)):
            rest = rest[:start] + " " * (end - start) + rest[end:]
    rest = words.kept("known run", make=lambda: _known_run(words)).sub(" ", rest)
    return tuple(match.group() for match in re.finditer(r"[^\W\d_]+", rest))


def _known_run(words: Lexicon) -> re.Pattern[str]:
    patterns = [known.pattern for known in _known(words)]
    rows = [*patterns, *sorted(map(re.escape, _single(words)), key=len, reverse=True)]
    return compiled("|".join(f"(?:{row})" for row in rows))


def looks_foreign(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence holds a word of another language, or is mostly written in another script than ours.

    Args:
        text: one sentence or several. Greek letters and accents alone, as in names, are no sign of it.
        words: of the language it is read in; ``None`` is English.
    """
    return language_to_name(text, words) is not None or in_another_script(text, words)


def in_another_script(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence is mostly written in another script than ours.

    Args:
        text: one sentence or several.
        words: of the language it is read in; ``None`` is English.
    """
    return (words or lexicon()).spaced and _mostly_another_script(unicodedata.normalize("NFC", text))


def likely_language(text: str, words: Lexicon | None = None) -> str | None:
    """The language, as ISO 639-1 code, of the words that tell one; ``None`` where none do.

    Args:
        text: one sentence or several.
        words: of the language it is read in, which is none of the answers; ``None`` is English.
    """
    words = words or lexicon()
    found = set(_LETTERS.findall(unicodedata.normalize("NFC", text)))
    source = words.concepts
    forms = source.kept("foreign", make=lambda: _forms(source))
    told = {language: len(found & telling) for language, telling in forms.items() if language != words.language}
    best = max(told, key=lambda language: told[language], default=None)
    return best if best is not None and told[best] else None


def language_to_name(text: str, words: Lexicon | None = None) -> str | None:
    """The language that a user is to be asked about: :func:`likely_language`, or where all words are unknown, another.

    Args:
        text: one sentence or several.
        words: of the language it is read in, which is none of the answers; ``None`` is English.

    Returns:
        an ISO 639-1 code: of the words that tell a language or, where the lexicon holds not one of the words, of one
        whose lexicon holds them all; ``None`` where there is none.
    """
    words = words or lexicon()
    text = unicodedata.normalize("NFC", text)
    if (likely := likely_language(text, words)) is not None:
        return likely
    found = set(_LETTERS.findall(text))
    typed = {word.casefold() for word in found}
    # short words are too many things, and capitals abbreviations
    telling = not text.isascii() or (max(map(len, typed), default=0) >= _TELLING and text != text.upper())
    if not telling or any(holds(word, words) for word in typed):
        return None
    for language in languages():
        other = words if language == words.language else lexicon(language)
        holds_all = _names_there(text, other) if not other.spaced else all(holds(word, other) for word in typed)
        if other is not words and holds_all:
            return language
    return None


def _names_there(text: str, words: Lexicon) -> bool:
    """Whether a text in a script of its own names anything that a lexicon knows."""
    ours = _mostly_another_script(text) and _KANA.search(text) is None
    return ours and bool(words.finding_finder(text) or words.organ_finder(text) or places(text, words))


def _forms(words: Lexicon) -> dict[str, frozenset[str]]:
    """By language its words as they are written; not in capitals: EL, IL, MIT are abbreviations."""
    table: dict[str, list[str]] = words.value("foreign")
    return {
        language: frozenset(form for word in telling for form in (word, word.capitalize()))
        for language, telling in table.items()
    }


def _mostly_another_script(text: str) -> bool:
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    ours = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    return 2 * ours < len(letters)
