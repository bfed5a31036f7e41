"""The same said in other words: synonyms, abbreviations and other forms of a sentence, for training.

What a paraphrase may not change is where: the places of the sentence (:func:`lexseg.language.sides.places`) are
compared before and after, and a rewording that names others is not made. The convention of its left and right stays the
sentence's own. The tables are the lexicon's (``rewording``).

Words in one group mean the same *in these data*: a film's sentence calls every infiltrate of COVID-19 an infection, so
that "opacity" names the same pixels; on CT ground-glass opacity and consolidation are two different targets, and are
never taken for each other. Nothing there may add what the sentence does not say ("patchy", "early", "new").
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.sides import places

_QATA = re.compile(
    r"(?P<laterality>bilateral|unilateral) pulmonary infection, (?P<number>\w+) infected areas?"
    r"(?:, (?P<places>[a-z ]+ lung(?: and [a-z ]+ lung)?))?\.?",
    re.IGNORECASE,
)
_QATA_PLACE = re.compile(
    r"(?:all|(?P<heights>(?:(?:upper|middle|lower) )*(?:upper|middle|lower))) (?P<side>left|right)"
)
_NUMBERS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
# one place in a sentence of any form
_PLACE = re.compile(
    r"(?P<h1>upper|middle|mid|lower) (?P<s1>left|right) (?:lung|zone)\b(?! (?:zone|field|base))"
    r"|(?P<s2>left|right) (?P<h2>upper|middle|mid|lower) (?:lung zone|zone|lung|lobe)\b"
    r"|(?P<h3>upper|middle|mid|lower) (?:zone|part) of the (?P<s3>left|right) lung\b",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(
    r"(?:segment|outline|delineate|show|find|mark|where|what|is|are|there|the film|cxr|chest)\b", re.I
)
_NEGATED = re.compile(r"\b(?:no|not|without|none|free|clear|negative)\b", re.IGNORECASE)

_Table = Mapping[str, Any]


def paraphrase(text: str, rng: np.random.Generator, words: Lexicon | None = None) -> str:
    """Say the same in other words.

    Sentences in QaTa's manner ("bilateral pulmonary infection, two infected areas, ...") are told anew as a whole;
    in others, words and places are replaced one by one. May leave a sentence as it is.

    Args:
        text: a sentence.
        rng: what decides; equal generators give equal words, and mirrored words for a mirrored sentence.
        words: of its language, English or one with tables for it; ``None`` is English.
    """
    if not text.strip():
        return text
    words = words or lexicon()
    table: _Table = words.kept("rewording", make=lambda: frozen(words.value("rewording")))
    parsed = _QATA.fullmatch(text.strip())
    said = _style(_film_sentence(parsed, rng, table) if parsed else _replaced(text, rng, table), text, rng)
    return said if places(said, words) == places(text, words) else text


# --- whole sentences of chest films -----------------------------------------------


def _film_sentence(parsed: re.Match[str], rng: np.random.Generator, table: _Table) -> str:
    named = [(m["side"].lower(), tuple((m["heights"] or "").lower().split()))
             for m in _QATA_PLACE.finditer((parsed["places"] or "").lower())]  # fmt: skip
    several = parsed["number"].lower() != "one"
    plural = several and rng.random() < 0.5
    noun = _pick(
        table["film_plurals"] if plural else table["film_nouns"][: len(table["film_nouns"]) - 2 * several], rng
    )
    sentences = table["film_sentences"] if named else table["film_sentences_without_places"]
    sentence = _pick(sentences, rng)
    number = parsed["number"].lower()
    if rng.random() < 0.5:
        number = _NUMBERS.get(number, number)
    return sentence.format(
        noun=noun,
        places=_film_places(named, rng, table, first=sentence.startswith("{places}")) if named else "",
        laterality=_pick(table["laterality"][parsed["laterality"].lower()], rng),
        count=f"{number} {_pick(table['counted'] if several else table['counted_one'], rng)}",
        **{"is": "are" if plural else "is"},
    )


def _film_places(
    named: Sequence[tuple[str, tuple[str, ...]]], rng: np.random.Generator, table: _Table, *, first: bool
) -> str:
    """A list of places; ``first`` if the sentence begins with it, and articles would be odd."""
    article = "" if first or rng.random() < 0.4 else "the "
    together = len(named) == 2 and named[0][1] == named[1][1] and len(named[0][1]) < 2 and rng.random() < 0.7
    if together:
        return _on_both(named[0][0], named[1][0], named[0][1], rng, table, first)
    parts = [_place(side, heights, rng, table, article, short=first) for side, heights in named]
    return _pick((" and ", " and ", ", ", " as well as ", " + "), rng).join(parts)


def _on_both(
    side: str, other: str, heights: tuple[str, ...], rng: np.random.Generator, table: _Table, short: bool
) -> str:
    forms = (
        table["both_one_height"] + (table["both_lower"] if heights == ("lower",) else ())
        if heights
        else table["both_whole"]
    )
    form = _pick(_short(forms) if short else forms, rng)
    return form.format(s=side, t=other, h=_spoken(heights[0], rng, table) if heights else "")


def _place(
    side: str,
    heights: tuple[str, ...],
    rng: np.random.Generator,
    table: _Table,
    article: str = "",
    *,
    short: bool = False,
) -> str:
    """One place in one of its forms.

    Args:
        side: left or right.
        heights: none for the whole lung.
        rng: what decides.
        table: the lexicon's.
        article: is put where the form takes one.
        short: takes only forms that a noun may follow ("left lower zone infiltrate").
    """
    forms: tuple[str, ...]
    if not heights or len(heights) == 3:
        forms = table["whole_lung"]
    elif len(heights) == 2:
        forms = table["two_heights"]
    else:
        forms = table["one_height"] + (table["lobes"] if heights[0] != "middle" else ())
    form = _pick(_short(forms) if short else forms, rng)
    initial, words = side[0].upper(), [_spoken(h, rng, table) for h in heights[:2]] + ["", ""]
    letters = [h[0].upper() for h in heights[:2]] + ["", ""]
    place = form.format(
        s=side, S=initial, st=f"{side[0]}t", h=words[0], k=words[1],
        SHZ=f"{initial}{letters[0]}Z", SKZ=f"{initial}{letters[1]}Z", SHL=f"{initial}{letters[0]}L",
    )  # fmt: skip
    return place if "{S" in form or form.startswith("all ") else article + place


def _short(forms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(form for form in forms if " of " not in form and "," not in form)


def _spoken(height: str, rng: np.random.Generator, table: _Table) -> str:
    return _pick(table["middle"], rng) if height == "middle" else height


# --- words and places in sentences of any form ---------------------------------------


def _replaced(text: str, rng: np.random.Generator, table: _Table) -> str:
    """Words of some groups replaced by others of their group, and places by other forms of them."""
    out = text
    for group in _groups(text, table):
        if rng.random() < 0.6:
            out = _swap_words(out, group, rng)
    for pattern, others in table["image_parts"]:
        if rng.random() < 0.6:
            out = re.sub(pattern, _pick(others, rng), out, flags=re.IGNORECASE)
    if rng.random() < 0.7:
        out = _PLACE.sub(lambda match: _other_form(match, rng, table), out)
    if _takes_prefix(out) and rng.random() < 0.25:
        out = _pick(table["prefixes"], rng) + _uncapitalised(out)
    return re.sub(r"\b([Aa])n? (?=[A-Za-z])(?!US\b|CT\b|GGO)(?=(\w))", _article, out) if out != text else out


def _groups(text: str, table: _Table) -> list[tuple[str, ...]]:
    low = text.lower()
    groups: tuple[tuple[str, ...], ...] = ()
    if re.search("|".join(table["breast_marks"]), low):
        groups = table["breast_words"]
    elif re.search("|".join(table["polyp_marks"]), low):
        groups = table["polyp_words"]
    elif re.search("|".join(table["ct_marks"]), low):
        groups = table["ct_words"]
    elif re.search(r"\b(?:lungs?|pulmonary|chest|zones?|lobes?|left|right|bilateral|cxr|[lr][uml][zl])\b", low):
        groups = table["film_words"]
    return [*groups, *table["common_words"]]


def _swap_words(text: str, group: tuple[str, ...], rng: np.random.Generator) -> str:
    """One word of the group takes the place of all others of it."""
    chosen = _pick(group, rng)
    return _any_of(group).sub(lambda m: chosen[:1].upper() + chosen[1:] if m.group()[0].isupper() else chosen, text)


@cache
def _any_of(group: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(group, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])", re.IGNORECASE)


def _other_form(match: re.Match[str], rng: np.random.Generator, table: _Table) -> str:
    height = (match["h1"] or match["h2"] or match["h3"]).lower()
    side = (match["s1"] or match["s2"] or match["s3"]).lower()
    form = _place(side, ("middle" if height == "mid" else height,), rng, table, short=True)
    return form[:1].upper() + form[1:] if match.group()[0].isupper() else form


def _takes_prefix(text: str) -> bool:
    """Whether the sentence is the bare name of something that could be asked for."""
    one = not re.search(r"[?;:]|\.\s", text) and not _IMPERATIVE.match(text)
    return bool(text.strip()) and one and not _NEGATED.search(text)


def _article(match: re.Match[str]) -> str:
    return f"{match[1]}n " if match[2] in "aeioAEIO" else f"{match[1]} "


# --- the look of a sentence -----------------------------------------------------------


def _style(said: str, text: str, rng: np.random.Generator) -> str:
    """Full stop and capitals: mostly as they were, at times as they are typed in a hurry."""
    said = said.strip()
    stop, capital = rng.random(), rng.random()
    if said[-1:] not in (".", "?") and (stop < 0.3 or (text.rstrip().endswith(".") and stop < 0.6)):
        said += "."
    elif stop > 0.8 and said.count(".") == 1:
        said = said.removesuffix(".")
    if capital > 0.96:
        return said.upper()
    return said[:1].upper() + said[1:] if capital < 0.4 else said


def _uncapitalised(text: str) -> str:
    return text if text[:2].isupper() or text[1:2] in ("", " ", ".") else text[:1].lower() + text[1:]


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def frozen(values: Any) -> Any:
    """The same with tuples for lists."""
    if isinstance(values, Mapping):
        return {key: frozen(value) for key, value in values.items()}
    return tuple(map(frozen, values)) if isinstance(values, list) else values
