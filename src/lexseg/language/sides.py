"""Sides and heights: the places that a sentence names, the same said of a mirrored image, and whose left "left" is."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import zip_longest
from typing import Any, Literal

from lexseg.language.lexicon import REMEMBERED, Lexicon, either, lexicon

Axis = Literal["horizontal", "vertical"]
Laterality = Literal["image", "patient"]
Side = Literal["left", "right", ""]
Height = Literal["upper", "middle", "lower", ""]
Place = tuple[Side, Height]

_HEIGHTS: tuple[Height, ...] = ("upper", "middle", "lower")

# Only letters make a word longer: "left_lung" holds one, "copyright" does not.
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_TWINS = str.maketrans("ıİſ", "iIs")  # letters that `re.IGNORECASE` takes for these, and `str.lower` does not
_NAME = 8  # letters from which on a height is the name of a lobe or a field
_REACH = 80  # characters around a word; more than any rule needs


def mirror_words(text: str, axis: Axis, words: Lexicon | None = None) -> str:
    """Say the same of the mirrored image.

    ``horizontal`` swaps left and right, ``vertical`` swaps up and down: words and unambiguous abbreviations ("RLL"), in
    lower case, Capitalised or UPPER case. Words that only look like a place ("left over", "all right", "lower density")
    and the names of what has no mirror twin ("left ventricle") stay. Mirrored twice, a sentence is as it was; what is
    not kept are odd capitals ("LEft") and common misspellings of a side ("rigth", which becomes "left"), and what is
    not swapped are words without a counterpart of their own ("basilar").

    What an image shows by physics (the shadow below a mass, a fluid level) does not turn over with it; whether to
    mirror such images vertically at all is for the recipe to decide.

    Args:
        text: one sentence or several.
        axis: ``horizontal`` for an image mirrored left to right, ``vertical`` for one turned upside down.
        words: of its language; ``None`` is English.
    """
    if axis not in ("horizontal", "vertical"):
        raise ValueError(f"axis {axis!r}: 'horizontal' or 'vertical' was expected")
    words = words or lexicon()
    pieces, done = [], 0
    for word in place_words(text, axis, words):
        start, end = word.span()
        pieces += [text[done:start], _counterpart(word.group(), axis, words)]
        done = end
    return "".join(pieces) + text[done:]


def place_words(text: str, axis: Axis, words: Lexicon | None = None) -> Sequence[re.Match[str]]:
    """The words and abbreviations that :func:`mirror_words` would swap, in the order of the text."""
    return _place_words(text, axis, words or lexicon())


@lru_cache(REMEMBERED)
def _place_words(text: str, axis: Axis, words: Lexicon) -> tuple[re.Match[str], ...]:
    rules, found = _rules(words, axis), []
    for match in rules.finder.finditer(text.translate(_TWINS)):
        word, (start, end) = match.group(), match.span()
        before, after = text[max(0, start - _REACH) : start], text[end : end + _REACH]
        if word.lower() in rules.short or (
            rules.names_place(word, _plain(before), _plain(after)) and not after.lower().startswith("-over")
        ):
            found.append(match)
    return tuple(found)


def convert_laterality(
    text: str, source: Laterality | None, target: Laterality | None, words: Lexicon | None = None
) -> str:
    """Rewrite a sentence whose "left" is the image's for a reader to whom it is the patient's, or the other way round.

    Equal conventions, and an unknown one (``None``), leave the sentence as it is.
    """
    for convention in (source, target):
        if convention not in ("image", "patient", None):
            raise ValueError(f"laterality {convention!r}: 'image', 'patient' or None was expected")
    same = source is None or target is None or source == target
    return text if same else mirror_words(text, "horizontal", words)


def mentions_side(text: str, words: Lexicon | None = None) -> bool:
    """Whether the sentence names left or right, so that it matters whose they are."""
    return mirror_words(text, "horizontal", words) != text


# --- the places of a sentence -------------------------------------------------


def places(text: str, words: Lexicon | None = None) -> frozenset[Place]:
    """The places that a sentence names, each as (side, height), with "" for a side or a height that is not named.

    "All left lung and lower right lung" names ``{("left", ""), ("right", "lower")}``. What is said of both sides is
    said of each. A side that is also named with a height is not listed without, and three heights are the whole side.
    So sentences that mean the same place give the same set, in whatever form: ``LLL``, "left lower zone", "lower zone
    of the left lung". The convention is the sentence's own.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    return _places(text, words or lexicon())


@lru_cache(REMEMBERED)  # what reads a sentence for one thing after another asks for its places each time
def _places(text: str, words: Lexicon) -> frozenset[Place]:
    found: set[Place] = set()
    for sentence in _tables(words).sentence_end.split(text):
        found |= _of_sentence(sentence, words)
    for side, _ in tuple(found):
        named = {height for s, height in found if s == side and height}
        if len(named) == len(_HEIGHTS):
            found -= {(side, height) for height in named}
            found.add((side, ""))
        elif named:
            found.discard((side, ""))
    return frozenset(found)


def names_place(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence says where to look: a side, a height, a part of an organ, a position such as "central".

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    if places(text, words) or any(row["kind"] == "position" for _, _, row in words.attribute_finder(text)):
        return True
    return any(organ.region and not organ.whole for _, _, organ in words.organ_finder(text))


def named_sides(text: str, words: Lexicon | None = None) -> list[Side]:
    """Left and right as often as they are named, in the order of the text."""
    words = words or lexicon()
    sides = _tables(words).sides
    return [sides[match.group().casefold()][0] for match in place_words(text, "horizontal", words)]


@dataclass(slots=True)
class _Chunk:
    """What stands between two commas or "and"s."""

    sides: list[Side]
    heights: list[Height]
    heights_first: bool
    bare: bool  # ends with its side: "left and ..."


def _of_sentence(text: str, words: Lexicon) -> set[Place]:
    """Heights that stand alone belong to the side before ("left lung, upper and middle zones") or after them."""
    chunks = [chunk for chunk in _chunks(text, words) if chunk.sides or chunk.heights]
    with_side = [i for i, chunk in enumerate(chunks) if chunk.sides]
    found: set[Place] = set()
    for i, chunk in enumerate(chunks):
        if chunk.sides:
            continue
        before = max((j for j in with_side if j < i), default=None)
        after = min((j for j in with_side if j > i), default=None)
        owner = before
        if after is not None and (before is None or (chunks[after].heights_first and chunks[after].heights)):
            owner = after
        if owner is None:
            found |= {("", height) for height in chunk.heights}
        else:
            chunks[owner].heights += chunk.heights
    for chunk, following in zip_longest(chunks, chunks[1:]):
        heights = chunk.heights
        if not heights and chunk.bare and following is not None and following.sides:
            heights = following.heights
        found |= {(side, height) for side in chunk.sides for height in heights or [""]}
    return found


def _chunks(text: str, words: Lexicon) -> Iterator[_Chunk]:
    events = sorted(_events(text, words))
    between = _tables(words).between
    cuts = [m.end() for m in between.finditer(text)]
    for start, end in zip([0, *cuts], [*cuts, len(text) + 1], strict=True):
        inside = [(at, sides, heights) for at, sides, heights in events if start <= at < end]
        sides = [side for _, each, _ in inside for side in each]
        heights: list[Height] = [height for _, _, height in inside if height]
        first_side = min((at for at, each, _ in inside if each), default=end)
        last = max((at for at, each, _ in inside if each), default=None)
        rest = "" if last is None else between.sub("", text[last:end]).strip()
        yield _Chunk(
            sides=sides,
            heights=heights,
            heights_first=any(at < first_side for at, _, height in inside if height),
            bare=last is not None and len(rest.split()) == 1 and "-" not in rest,
        )


def _events(text: str, words: Lexicon) -> Iterator[tuple[int, tuple[Side, ...], Height]]:
    """Where a side or a height is named; an abbreviation names both."""
    tables = _tables(words)
    both: set[int] = set()
    for match in place_words(text, "horizontal", words):
        side, height = tables.sides[match.group().casefold()]
        if height:
            both.add(match.start())
        yield match.start(), (side,), height
    for match in place_words(text, "vertical", words):
        if match.start() not in both:
            yield match.start(), (), tables.heights[match.group().casefold()]
    for match in tables.both.finditer(text):
        yield match.start(), ("left", "right"), ""
    for match in tables.middle.finditer(text):
        if not tables.never_middle.match(text, match.end()):
            yield match.start() + 1, (), "middle"
    for match in tables.lower.finditer(text):
        yield match.start() + 1, (), "lower"


class _Tables:
    """Sides and heights by their words."""

    def __init__(self, words: Lexicon) -> None:
        sides: list[tuple[Side, str]] = [("left", "left"), ("right", "right")]
        self.sides: dict[str, tuple[Side, Height]] = {}
        for row in (*words.value("sides.pairs"), *words.value("sides.short")):
            for side, key in sides:
                self.sides[row[key].casefold()] = side, row.get("height", "")
        for row in words.value("sides.misspelt"):
            self.sides[row["word"].casefold()] = row["side"], ""
        heights: list[Height] = ["upper", "lower"]
        pairs = (*words.value("heights.pairs"), *words.value("heights.short"))
        self.heights: dict[str, Height] = {row[height].casefold(): height for row in pairs for height in heights}
        before, after = (r"(?<![^\W\d_])", r"(?![^\W\d_])") if words.spaced else ("", "")
        flags = re.IGNORECASE
        self.both = re.compile(rf"{before}{words.union('sides.both')}", flags)
        self.middle = re.compile(rf"{before}{words.union('heights.middle')}{after}", flags)
        self.lower = re.compile(rf"{before}{words.union('heights.lower_alone')}{after}", flags)
        self.never_middle = re.compile(rf"\s+{words.union('heights.middle_never_before')}\b", flags)
        edge = r"\b" if words.spaced else ""
        self.between = re.compile(rf"[,:&+/\uff0c\uff1a\u3001]|{edge}{words.union('joints.list')}{edge}", flags)
        short = "".join(rf"(?<!\b{re.escape(row)})" for row in words.rows("abbreviations.side"))
        self.sentence_end = re.compile(rf"{short}\.(?=\s|$)|[;\u3002\uff1b]", flags)


def _tables(words: Lexicon) -> _Tables:
    return words.kept("place tables", make=lambda: _Tables(words))


# --- judging a word by what stands around it ---------------------------------


class _SideJudge:
    """Whether a word that may mean left or right does so here."""

    def __init__(self, words: Lexicon) -> None:
        pairs = words.value("sides.pairs")
        self._kinds = {row[side].lower(): row.get("kind", "") for row in pairs for side in ("left", "right")}
        rule = {name: words.union(f"sides.{name}") for name in (
            *("parts_after", "never_before", "names_before", "names_between", "always_after", "seldom_before"),
            *("verbs_before", "verbs_then", "function_words", "all_before", "all_followed_by", "all_preceded_by"),
            "is_before",
        )}  # fmt: skip
        self._rule = rule
        self._names = rf"(?:{rule['names_between']})?{rule['names_before']}"
        self._verbs = f"{rule['verbs_before']}{rule['verbs_then']}"

    def __call__(self, word: str, before: str, after: str) -> bool:
        rule, kind = self._rule, self._kinds.get(word.lower(), "")
        if kind == "letter":
            return word.isupper() and _follows(rule["parts_after"], after)
        if kind == "beside_part":
            return _follows(rule["parts_after"], after.removeprefix("."))
        if kind != "idiom":
            return True
        if _follows(rule["never_before"], after) or _follows(self._names, after):
            return False
        if _precedes(rule["always_after"], before):
            return True
        if _follows(rule["seldom_before"], after):
            return False
        clause_ends = not after.strip() or after.lstrip()[0] in ".,;:!?)"
        if not clause_ends and not _follows(rule["function_words"], after):
            return True
        if _precedes(rule["all_before"], before):
            return _follows(rule["all_followed_by"], after) or _precedes(rule["all_preceded_by"], before)
        if _precedes(self._verbs, before):
            return clause_ends and _precedes(rule["is_before"], before)  # "the mass is left", "nothing was left"
        return True


class _HeightJudge:
    """Whether a word that may mean a height in the image does so here."""

    def __init__(self, words: Lexicon) -> None:
        pairs = words.value("heights.pairs")
        self._rows: dict[str, dict[str, Any]] = {row[key].lower(): row for row in pairs for key in ("upper", "lower")}
        self._before, self._after, self._owner = (
            words.union(f"heights.{name}") for name in ("ends_after", "ends_before", "owner_before")
        )
        self._never = {
            (word, name): either([words.expression(rule) for rule in row[name]])
            for word, row in self._rows.items()
            for name in ("never_before", "never_after")
            if name in row
        }

    def __call__(self, word: str, before: str, after: str) -> bool:
        word = word.lower()
        if end := self._rows.get(word, {}).get("end"):
            others = _follows(self._owner, after) or end == "one"
            return _precedes(self._before, before) or _follows(self._after, after) or not others
        if (rule := self._never.get((word, "never_before"))) is not None and _follows(rule, after):
            return False
        rule = self._never.get((word, "never_after"))
        return rule is None or not _precedes(rule, before)


def _plain(context: str) -> str:
    return re.sub(r"[\s/-]+", " ", context.lower())


def _follows(rule: str, after: str) -> bool:
    return _compiled(rf" (?:{rule}){_NO_LETTER_AFTER}").match(after) is not None


def _precedes(rule: str, before: str) -> bool:
    return _compiled(rf"{_NO_LETTER_BEFORE}(?:{rule}) $").search(before) is not None


_compiled = cache(re.compile)


# --- swapping ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rules:
    """Each word's and abbreviation's counterpart, which of them are abbreviations, what finds and what judges words."""

    words: Mapping[str, str]
    short: frozenset[str]
    finder: re.Pattern[str]
    names_place: Callable[[str, str, str], bool]


def _rules(words: Lexicon, axis: Axis) -> _Rules:
    return words.kept("mirror", axis, make=lambda: _made(words, axis))


def _made(words: Lexicon, axis: Axis) -> _Rules:
    table, (one, other) = ("sides", ("left", "right")) if axis == "horizontal" else ("heights", ("upper", "lower"))
    short = _both_ways((row[one].lower(), row[other].lower()) for row in words.value(f"{table}.short"))
    counterparts = _both_ways((row[one].lower(), row[other].lower()) for row in words.value(f"{table}.pairs")) | short
    if axis == "horizontal":
        sides = {"left": words.value("sides.pairs")[0]["right"], "right": words.value("sides.pairs")[0]["left"]}
        counterparts |= {row["word"].lower(): sides[row["side"]] for row in words.value("sides.misspelt")}
    if words.spaced:
        # in a language of compounds the name of a lobe may begin a word: "Unterlappeninfiltrat"
        first = [word for word in counterparts if words.value("compounds") and len(word) >= _NAME]
        rows = [*(rf"{re.escape(word)}{_NO_LETTER_AFTER}" for word in counterparts), *map(re.escape, first)]
        found = rf"{_NO_LETTER_BEFORE}{either(rows)}"
    else:
        longest_first = sorted(counterparts, key=len, reverse=True)
        found = either([re.escape(word) for word in longest_first])
    judge = _SideJudge(words) if axis == "horizontal" else _HeightJudge(words)
    return _Rules(counterparts, frozenset(short), re.compile(found, re.IGNORECASE), judge)


def _both_ways(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each word's counterpart; of several ("gauche": "droit", "droite") the first."""
    found: dict[str, str] = {}
    for word, counterpart in pairs:
        found.setdefault(word, counterpart)
        found.setdefault(counterpart, word)
    return found


def _counterpart(word: str, axis: Axis, words: Lexicon) -> str:
    return _in_case_of(word, _rules(words, axis).words[word.lower()])


def _in_case_of(model: str, word: str) -> str:
    if model.isupper():
        return word.upper()
    return word.capitalize() if model.istitle() else word
