"""The words that a lexicon does not know: each may be the name of something that could be found."""

import re
from functools import lru_cache

from lexseg.language.lexicon import Lexicon, compiled, either

_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*")  # "well-defined", "e.g", "don't"
_NUMBERED = re.compile(r"[^\W_]*\d[^\W_]*")
_FUZZY = 5  # letters from which on a word may be misspelt
# everything that a sentence may be made of, but the common words
_TABLES = (
    *("finding", "seen", "deny.before", "deny.after_finding", "deny.after_place", "deny.only_looks_like_it"),
    *("deny.values", "deny.verbs", "deny.new_clause", "deny.exception", "deny.there", "deny.signs", "deny.little"),
    *("doubt.before", "doubt.after", "joints.list", "joints.or", "joints.with", "abbreviations.clause"),
    *("abbreviations.report", "place.lying", "place.in", "sides.both", "heights.middle", "heights.lower_alone"),
    *("sections.findings", "sections.others"),
)


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
    if not strange:
        return ()
    covered = [match.span() for known in _known(words) for match in known.finditer(text)]
    return tuple(
        match.group()
        for match in strange
        if not any(start <= match.start() and match.end() <= end for start, end in covered)
    )


def is_known(word: str, words: Lexicon) -> bool:
    """Whether the lexicon holds a word, or one that it is a slip of the hand away from."""
    known: dict[str, bool] = words.kept("is known", make=dict)
    word = word.casefold().replace("\u2019", "'")
    if word not in known:
        known[word] = _is_known(word, words)
    return known[word]


def mended(text: str, words: Lexicon) -> str:
    """The text with each unknown word that is a slip of the hand away from one known word written as that word.

    "opacitiy in the lfet lung" becomes "opacity in the left lung"; what may have been meant to be several words stays.

    Args:
        text: one sentence or several.
        words: the language.
    """
    sides = {str(row["word"]): str(row["side"]) for row in words.value("sides.misspelt")}

    def meant(match: re.Match[str]) -> str:
        word, single = match.group().casefold(), _single(words)
        if word in sides:
            return sides[word]
        if len(word) < _FUZZY or not word.isalpha() or word in single:
            return match.group()
        near = sorted((other for other in _slips(word) if other in single), key=len)
        # a stem beside the word that it is of is no second one
        return near[-1] if near and all(near[-1].startswith(other) for other in near) else match.group()

    return _TOKEN.sub(meant, text) if words.spaced else text


def may_be_finding(word: str, words: Lexicon) -> bool:
    """Whether an unknown word could name something to be found: long enough, and not formed as an adjective is."""
    ends = words.rows("adjective_endings")
    return len(word) > 3 and not any(word.casefold().endswith(end) for end in ends)


def names_finding(text: str, words: Lexicon) -> bool:
    """Whether a word names something that could be found, or is unknown and may do so; a mere place does not."""
    if words.words("finding").search(text) is not None:
        return True
    return any(may_be_finding(word, words) for word in unknown_words(text, words))


def holds(word: str, words: Lexicon) -> bool:
    """Whether the lexicon holds a word as it is written, in lower case."""
    return word in _single(words) or any(known.fullmatch(word) for known in _known(words))


def _is_known(word: str, words: Lexicon) -> bool:
    single = _single(words)
    if holds(word, words):
        return True
    bare = word.replace("'", "")
    if bare in single or (bare.endswith("s") and bare[:-1] in single):
        return True
    if re.search(r"[-.']", word):
        parts = [part for part in re.split(r"[-.']", word) if part]
        return len(parts) > 1 and all(len(part) == 1 or is_known(part, words) for part in parts)
    return len(word) >= _FUZZY and any(other in single for other in _slips(word))


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
    """All words that are written out: against these, slips are looked for."""

    def make() -> frozenset[str]:
        rows = {*words.rows("common"), *words.rows("strange.for")}
        for table in ("sides.pairs", "sides.short", "heights.pairs", "heights.short"):
            rows |= {
                str(row[key]) for row in words.value(table) for key in ("left", "right", "upper", "lower") if key in row
            }
        rows |= {row["word"] for row in words.value("sides.misspelt")}
        rows |= {name.rstrip("*") for concept in words.findings for name in concept.names}
        rows |= {name.rstrip("*") for organ in words.organs for name in organ.names}
        rows |= {name for row in words.value("attributes") for name in _attribute(row)}
        return frozenset(part.casefold() for row in rows for part in row.split() if part.isalpha())

    return words.kept("single", make=make)


def _attribute(row: dict[str, object]) -> tuple[str, ...]:
    also = row["also"]
    assert isinstance(also, list)
    return (str(row.get("one", row["id"])), *map(str, also))


@lru_cache(maxsize=4096)
def _slips(word: str) -> tuple[str, ...]:
    """What a word may have been meant to be: two neighbours swapped, one letter too many, too few, or another."""
    letters = "abcdefghijklmnopqrstuvwxyzäöüßéèêçñáíóú"
    found = [word[:i] + word[i + 1 :] for i in range(1, len(word))]
    found += [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(1, len(word) - 1)]
    found += [word[:i] + letter + word[i:] for i in range(1, len(word) + 1) for letter in letters]
    found += [word[:i] + letter + word[i + 1 :] for i in range(1, len(word)) for letter in letters]
    return tuple(found)


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
