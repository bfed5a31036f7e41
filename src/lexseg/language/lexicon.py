"""The words of a language, as one data file holds them, and the patterns made of them.

Each string of a table is a row: a regular expression of the part that Python and JavaScript share. A blank stands for
white space or one hyphen, a ``*`` after a letter for any further letters, ``{finding}``, ``{state}``, ``{seen}`` and
``{little}`` for all rows of that table. Case does not matter.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from itertools import takewhile
from typing import Any, Generic, TypeVar

from lexseg.errors import TextError

T = TypeVar("T")
Row = dict[str, Any]

_MACRO = re.compile(r"\{([a-z_]+)\}")
_STEM = re.compile(r"(?<=[^\W_])(?<!\\w)\*")
_UMLAUTS = {letter: f"(?:{letter}|{plain})" for letter, plain in zip("äöüß", ("ae", "oe", "ue", "ss"), strict=True)}
_BLANK = r"(?:\\s+|-)"
_BEGINNING = 4  # letters by which names are told apart before they are tried
REMEMBERED = 32
"""Texts whose parts are kept in memory, while one is read for several things."""


@dataclass(frozen=True, slots=True)
class Concept:
    """Something to be found.

    Attributes:
        id: its name, in the words of the models.
        many: the same in the plural; "" where it has none.
        names: patterns for it in a language, as :mod:`lexseg.language.lexicon` explains them.
        code: value, scheme and meaning, as DICOM codes it; empty where there is no code that says no more.
        anatomy: where it is looked for; empty where it may be anywhere.
        modality: the images that show it, as DICOM names them; empty for any.
        asked: the worlds ("chest", "breast", ...) whose data call all that is looked for there so too.
        taught: the worlds whose data hold it as one finding among others, or as a look of one.
        type: whether it is one of several that these data do not tell apart: a cyst is looked for as a breast mass.
    """

    id: str
    many: str
    names: tuple[str, ...]
    code: tuple[str, ...]
    anatomy: tuple[str, ...]
    modality: tuple[str, ...]
    asked: tuple[str, ...]
    taught: tuple[str, ...]
    type: bool

    @classmethod
    def of(cls, row: Mapping[str, Any], known: Mapping[str, Any]) -> "Concept":
        """A row of a lexicon, and the row that says what it means."""
        singular = row.get("one", row["id"])
        names = (singular, *([row["many"]] if "many" in row else []), *row["also"])
        return cls(
            row["id"],
            known.get("many", ""),
            names,
            tuple(known.get("code", ())),
            tuple(known["anatomy"]),
            tuple(known["modality"]),
            tuple(known.get("asked", ())),
            tuple(known.get("taught", ())),
            known.get("type", False),
        )


@dataclass(frozen=True, slots=True)
class Organ:
    """A part of the body.

    Attributes:
        id: its name, in the words of the models.
        names: patterns for it in a language.
        code: as in :class:`Concept`.
        region: the anatomy it belongs to; "" for what is anywhere.
        whole: whether findings lie in it, so that "in the left ..." is said with its name.
        part: whether it is a part of the lung that says no more than its height.
        within: whether findings may lie in it or beside it, and no such images' data draw it: a nipple, a fold.
    """

    id: str
    names: tuple[str, ...]
    code: tuple[str, ...]
    region: str
    whole: bool
    part: bool
    within: bool

    @classmethod
    def of(cls, row: Mapping[str, Any], known: Mapping[str, Any]) -> "Organ":
        """A row of a lexicon, and the row that says what it means."""
        return cls(
            row["id"],
            (row.get("one", row["id"]), *row["also"]),
            tuple(known.get("code", ())),
            known.get("region", ""),
            known.get("whole", False),
            known.get("part", False),
            known.get("within", False),
        )


class Lexicon:
    """The words of one language.

    Args:
        values: the content of its data file.
        concepts: the lexicon that says more of a finding or an organ which this one only names: the English one, the
            language of the models. ``None`` for that one itself.
    """

    def __init__(self, values: Mapping[str, Any], concepts: "Lexicon | None" = None) -> None:
        self._values, self._concepts = values, concepts
        self._made: dict[tuple[str, ...], Any] = {}
        self.language: str = values["language"]
        self.name: str = values["name"]
        self.spaced: bool = values["spaced"]

    @property
    def concepts(self) -> "Lexicon":
        """The lexicon that holds codes, anatomy and modality of findings."""
        return self._concepts or self

    def value(self, table: str) -> Any:
        """What stands in a table, such as ``sides.pairs``; an empty list where the language has none."""
        found: Any = self._values
        for key in table.split("."):
            found = found.get(key, []) if isinstance(found, Mapping) else []
        return found

    def rows(self, table: str) -> tuple[str, ...]:
        """The rows of a table of patterns, as they stand in the file."""
        return tuple(self.value(table))

    def kept(self, *key: str, make: Callable[[], T]) -> T:
        """What is made of the words once, and then kept."""
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    # --- patterns ---------------------------------------------------------------------

    def union(self, *tables: str) -> str:
        """One regular expression that matches any row of these tables; it matches nothing where they have none."""
        return self.kept("union", *tables, make=lambda: either([r for t in tables for r in self.expanded(t)]))

    def expanded(self, table: str) -> list[str]:
        """The rows of a table as regular expressions of Python."""
        macros: dict[str, Callable[[], list[str]]] = {"finding": lambda: [n for c in self.findings for n in c.names]}
        if table in macros:
            return [self.expression(row) for row in macros[table]()]
        return [self.expression(row) for row in self.rows(table)]

    def expression(self, row: str) -> str:
        """A row as a regular expression of Python."""
        return _MACRO.sub(lambda m: self.union(_TABLE_OF.get(m[1], m[1])), pattern_of(row))

    def words(self, *tables: str) -> re.Pattern[str]:
        """Finds the rows of these tables as whole words."""
        return self.kept("words", *tables, make=lambda: self.whole_words(self.union(*tables)))

    def whole_words(self, rule: str) -> re.Pattern[str]:
        """A rule as whole words, where the language puts blanks between them."""
        return compiled(rf"(?<![\w-])(?:{rule})(?!\w)" if self.spaced else rf"(?:{rule})")

    # --- concepts ---------------------------------------------------------------------

    @cached_property
    def findings(self) -> tuple[Concept, ...]:
        """All that can be found, in the order of the file."""
        return tuple(Concept.of(row, self._known("findings", row)) for row in self.value("findings"))

    @cached_property
    def organs(self) -> tuple[Organ, ...]:
        """The parts of the body, in the order of the file."""
        return tuple(Organ.of(row, self._known("anatomy", row)) for row in self.value("anatomy"))

    @cached_property
    def finding_finder(self) -> "Finder[Concept]":
        """Finds the names of findings."""
        return Finder(self, [(name, concept) for concept in self.findings for name in concept.names])

    @cached_property
    def organ_finder(self) -> "Finder[Organ]":
        """Finds the names of parts of the body."""
        return Finder(self, [(name, organ) for organ in self.organs for name in organ.names])

    @cached_property
    def attribute_finder(self) -> "Finder[Row]":
        """Finds words for size, shape, number, rank."""
        rows = [{**self._known("attributes", row), **row} for row in self.value("attributes")]
        return Finder(self, [(name, row) for row in rows for name in (row.get("one", row["id"]), *row["also"])])

    def _known(self, table: str, row: Row) -> Row:
        """What the concepts' lexicon says of a row."""
        if self._concepts is None:
            return row
        for known in self._concepts.value(table):
            if known["id"] == row["id"]:
                return dict(known)
        raise KeyError(f"{self.language}.json, {table}: there is no {row['id']!r} in {self._concepts.language}.json")


class Finder(Generic[T]):
    """Finds names in a text, and what they name: the first, and of those that begin together the longest."""

    def __init__(self, words: Lexicon, named: Sequence[tuple[str, T]]) -> None:
        self._words = words
        self._named = [(words.expression(name), what) for name, what in named]
        self._beginnings = [_beginning(rule) for rule, _ in self._named]
        rules = [rule for rule, _ in self._named]
        self._any = words.whole_words(_any_of(list(zip(self._beginnings, rules, strict=True))))
        self._beginning: dict[str, list[tuple[re.Pattern[str], T]]] = {}
        # what reads a sentence for one thing after another asks for its names each time
        self._last = lru_cache(REMEMBERED)(self._find)

    def __call__(self, text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int, T]]:
        """Start, end and meaning of each name in a part of a text, one after the other."""
        return list(self._last(text, start, end))

    def _find(self, text: str, start: int, end: int | None) -> tuple[tuple[int, int, T], ...]:
        until = len(text) if end is None else end
        found: list[tuple[int, int, T]] = []
        at = start
        while (first := self._any.search(text, at, until)) is not None:
            each = self._from(text[first.start() : first.start() + _BEGINNING])
            matches = ((match, what) for rule, what in each if (match := rule.match(text, first.start(), until)))
            longest, meaning = max(matches, key=lambda pair: pair[0].end())
            at = max(longest.end(), first.start() + 1)
            found.append((first.start(), longest.end(), meaning))
        return tuple(found)

    def _from(self, beginning: str) -> list[tuple[re.Pattern[str], T]]:
        """The names that may stand where these letters begin. Most never do, and are never compiled."""
        if beginning not in self._beginning:
            self._beginning[beginning] = [
                (self._words.whole_words(rule), what)
                for letters, (rule, what) in zip(self._beginnings, self._named, strict=True)
                if _may_begin(beginning, letters)
            ]
        return self._beginning[beginning]


def _any_of(rules: Sequence[tuple[str, str]]) -> str:
    """What matches where any of the rules does, each given after its first letters: several times as fast.

    Those that begin alike stand together, so that few are tried at a letter.
    """
    together: dict[str, list[tuple[str, str]]] = {}
    for letters, rule in rules:
        together.setdefault(letters[:1], []).append((letters[1:], rule[1:]) if letters else ("", rule))
    rest = [rule for _, rule in together.pop("", [])]
    return either([*rest, *(f"{letter}{_any_of(each)}" for letter, each in together.items())])


def _may_begin(text: str, letters: str) -> bool:
    """Whether a text begins with letters, without regard to case."""
    if text.isascii() and letters.isascii():
        return text.lower().startswith(letters.lower())
    return compiled(letters).match(text) is not None


def _beginning(rule: str) -> str:
    """The first letters of all that a rule matches; none where its form does not tell."""
    letters = "".join(takewhile(str.isalpha, rule))
    if rule[len(letters) : len(letters) + 1] in ("?", "*", "{"):
        letters = letters[:-1]
    return "" if "|" in re.sub(r"\([^()]*\)", "", rule) else letters[:_BEGINNING]


_TABLE_OF = {"state": "deny.state", "little": "deny.little"}


def pattern_of(row: str) -> str:
    """A row with its blanks and stems spelt out, umlauts also as a keyboard without them has them; macros stay."""
    spelt = _STEM.sub(r"\\w*", re.sub(r" (?![*?+{])", _BLANK, row))
    return re.sub("[äöüß]", lambda letter: _UMLAUTS[letter[0]], spelt)


_GROUP = re.compile(r"\(\?:([^()]*)\)(\??)")
_CLASS = re.compile(r"\[([a-z]+)\](\??)")
_OPTIONAL = re.compile(r"(\w)\?")
_LOOKS = re.compile(r"\(\?<?[=!]")


def written_out(row: str) -> frozenset[str]:
    """The words, in lower case, of all that a row matches; none where that is without number, or it looks at others.

    Its parts between blanks are written out one by one: all of them together may take a million forms.
    """
    forms = [] if _LOOKS.search(row) else [_forms(part) for part in _parts(row)]
    if not all(forms):
        return frozenset()
    return frozenset(word for each in forms for form in each for word in re.split(r"[\s-]+", form.casefold()) if word)


def _parts(row: str) -> list[str]:
    """What of a row stands between its blanks, but those within groups."""
    parts, depth = [""], 0
    for letter in row:
        depth += (letter in "([") - (letter in ")]")
        if letter == " " and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


def _forms(part: str) -> list[str]:
    """All that a part of a row matches, one by one; none where that is without number."""
    for rule, options_of in (
        (_GROUP, lambda inside: inside.split("|")),
        (_CLASS, list),
        (_OPTIONAL, lambda letter: [letter]),
    ):
        if (match := rule.search(part)) is not None:
            may_lack = rule is _OPTIONAL or match[2] == "?"
            options = [*options_of(match[1]), *([""] if may_lack else [])]
            return [each for option in options for each in _forms(part[: match.start()] + option + part[match.end() :])]
    return [part] if re.fullmatch(r"[\w' -]+", part) else []


@cache
def compiled(rule: str) -> re.Pattern[str]:
    """A regular expression without regard to case."""
    return re.compile(rule, re.IGNORECASE)


def either(rows: Sequence[str]) -> str:
    """A regular expression that matches any of these, the earlier first; with none, nothing."""
    return f"(?:{'|'.join(rows)})" if rows else r"(?!)"


@cache
def languages() -> tuple[str, ...]:
    """The languages there are lexicons of, as ISO 639-1 codes."""
    folder = files("lexseg") / "assets" / "language"
    return tuple(sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")))


@cache
def lexicon(language: str = "en") -> Lexicon:
    """The words of a language.

    Args:
        language: ISO 639-1 code, such as ``de``; a region after it (``de-AT``) does not matter.

    Raises:
        TextError: there is no lexicon of this language.
    """
    code = re.split(r"[-_]", language.strip().lower())[0]
    if code not in languages():
        raise TextError(
            f"language {language!r}: there is no lexicon of it; one of {', '.join(languages())} was expected. Write "
            "the sentence in one of these, or leave the language out to ask it as it stands"
        )
    file = files("lexseg") / "assets" / "language" / f"{code}.json"
    return Lexicon(json.loads(file.read_text(encoding="utf-8")), None if code == "en" else lexicon("en"))
