"""Each word of a lexicon means what its language says: held against words that were written down apart from it.

``words/CODE.json`` names by concept the words of a language, inflected as reports have them, and by table sentences and
what they say: a line of ``said`` is a sentence with a gap, what may stand in it, and the phrases that follow, ``+`` for
what is there, ``-`` for what is denied, ``?`` for what may be there, with ``@`` and a place where that matters, and
``!`` and a word that nobody knows; a line of ``reported`` is a report and what it finds, in its words. A row of a
lexicon that is dropped or exchanged with its neighbour's must fail one of them.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lexicon_checks import Mutant, mutants, values_of
from lexseg.language import Lexicon, lexicon, read
from lexseg.language.lexicon import Finder
from lexseg.language.report_reading import read_report
from lexseg.language.sides import mirror_words, places
from lexseg.language.vocabulary import holds, may_be_finding, unknown_words

LANGUAGES = ("en", "de", "es", "fr", "zh")
NAMED = {"findings": "findings", "anatomy": "organs", "attributes": "attributes"}
"""By table of a lexicon, its concepts among the words."""
# rows that are idle: others hold all that they hold
IDLE = {
    *("zh seen: 见", "zh joints.or: 或者"),
    *("es joints.or: ni", "fr joints.or: ni"),  # denies by itself
    *("fr place.the: le", "fr place.the: la", "fr place.the: les"),  # any word may stand there
    *("fr deny.verbs: n'est", "fr deny.verbs: n\u2019est"),
    *("de sections.others: voraufnahmen", "de sections.others: empfehlung"),  # what stands there is a remark
    *("es sections.others: recomendaci(?:ón|ones)", "fr sections.others: recommandations?"),
    "es remarks.reader: médico radiólogo",
    "es deny.only_looks_like_it: para descartar",  # a slip away from what denies
}
STEP = 40  # one mutant of so many is tried where there is little time

Wrong = Iterator[str]


@functools.cache
def told(language: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "words" / f"{language}.json").read_text("utf-8"))
    return loaded


def listed(words: str) -> list[str]:
    return words.split(", ")


def named_wrongly(table: str, language: str, words: Lexicon) -> Wrong:
    """Words that a lexicon does not take, from the first letter to the last, for the name of their concept."""
    finders: dict[str, Finder[Any]] = {
        "findings": words.finding_finder, "anatomy": words.organ_finder, "attributes": words.attribute_finder
    }  # fmt: skip
    for name, own in told(language).get(NAMED[table], {}).items():
        for word in listed(own):
            asked = word.replace("|", "")  # what stands after the bar is only beside the name
            found = finders[table](asked)
            ids = [what["id"] if isinstance(what, dict) else what.id for _, _, what in found]
            if ids != [name] or found[0][:2] != (0, len(word.partition("|")[0])):
                yield f"{asked}: {ids}, not {name}"


def meant_wrongly(language: str, words: Lexicon) -> Wrong:
    """Concepts whose plural, code, anatomy, modality or worlds are not those that are told."""
    if language != "en":
        return
    said = told("en")
    for concept in (*words.findings, *words.organs):
        code = " ".join(concept.code[:2])
        if code != said["codes"].get(concept.id, "") or len(concept.code) not in (0, 3):
            yield f"{concept.id}: code {concept.code}"
    for finding in words.findings:
        if finding.many and finding.many not in listed(said["findings"][finding.id]):
            yield f"{finding.id}: plural {finding.many}"
        if list(finding.anatomy) != _keys(said["where"], finding.id):
            yield f"{finding.id}: anatomy {finding.anatomy}"
        if list(finding.modality) != " ".join(_keys(said["seen by"], finding.id)).split():
            yield f"{finding.id}: modality {finding.modality}"
        if set(finding.asked) != set(_keys(said["asked"], finding.id)):
            yield f"{finding.id}: asked {finding.asked}"
        if set(finding.taught) != set(_keys(said["taught"], finding.id)):
            yield f"{finding.id}: taught {finding.taught}"
        if finding.type != (finding.id in listed(said["types"])):
            yield f"{finding.id}: type {finding.type}"
    for organ in words.organs:
        if organ.region != "".join(_keys(said["where"], organ.id)):
            yield f"{organ.id}: region {organ.region}"
        if organ.whole != (organ.id in listed(said["whole"])) or organ.part != (organ.id in listed(said["part"])):
            yield f"{organ.id}: whole {organ.whole}, part {organ.part}"
        if organ.within != (organ.id in listed(said["within"])):
            yield f"{organ.id}: within {organ.within}"


def _keys(lists: dict[str, str], name: str) -> list[str]:
    return [key for key, names in lists.items() if name in listed(names)]


def placed_wrongly(language: str, words: Lexicon) -> Wrong:
    """Words for a side or a height that name another, and sentences that are mirrored wrongly."""
    said = told(language)
    for name, own in said["places"].items():
        expected = {_place(each) for each in listed(name)}
        yield from (f"{text}: not {name}" for text in listed(own) if places(text, words) != expected)
        yield from (f"{text}: unknown" for text in listed(own) if not all_held(text, words))
    for axis, key in (("horizontal", "mirrored"), ("vertical", "turned")):
        for text, other in said.get(key, {}).items():
            if mirror_words(text, axis, words) != other:
                yield f"{text}: {mirror_words(text, axis, words)}, not {other}"


def _place(text: str) -> tuple[str, str]:
    side = next((word for word in text.split() if word in ("left", "right")), "")
    return side, text.removeprefix(side).strip()


def said_wrongly(table: str, language: str, words: Lexicon) -> Wrong:
    """Sentences that are read otherwise than is told, and reports whose findings are others."""
    for kind in ("said", "reported"):
        for frame, own, expected in told(language).get(kind, {}).get(table, []):
            for word in listed(own):
                text, due = frame.replace("{}", word), _filled(expected, word)
                if (
                    found := phrases(text, words, with_places="@" in due) if kind == "said" else findings(text, words)
                ) != due:
                    yield f"{text}: {found}, not {due}"


def _filled(expected: str, word: str) -> str:
    """What is expected of a word: a heading is told in lower case."""
    return expected.replace("[{}]", f"[{word.lower()}]").replace("{}", word)


def findings(text: str, words: Lexicon) -> str:
    """What a report finds: the words that ask for it, and in brackets its heading."""
    found = read_report(text, words)
    return " | ".join("+-"[f.negated] + f.text + f" [{f.section}]" * bool(f.section) for f in found)


def phrases(text: str, words: Lexicon, *, with_places: bool) -> str:
    """What a sentence says, as ``said`` tells it."""
    found, reading = [], read(text, words)
    for phrase in reading.phrases:
        unknown = "".join(f" !{word}" for word in phrase.unknown)
        if (names := phrase.findings or phrase.organs) or unknown:
            sign = "-" if phrase.polarity == "negated" else "?" if phrase.certainty == "possible" else "+"
            where = " @" + ", ".join(sorted(" ".join(filter(None, place)) for place in phrase.places))
            found.append(sign + ", ".join(names) + where * (with_places and bool(phrase.places)) + unknown)
    return " | ".join([*found, *["contradicts itself"] * reading.contradictory])


def all_held(text: str, words: Lexicon) -> bool:
    if not words.spaced:
        return not unknown_words(text, words)
    return all(holds(word, words) for word in text.lower().split())  # a slip away from a known one is not held


def not_held(language: str, words: Lexicon) -> Wrong:
    return (word for word in told(language).get("held", "").split() if not holds(word, words))


def wrong(table: str, language: str, words: Lexicon) -> Wrong:
    """What a lexicon has wrong of a table, the cheapest checks first."""
    if table in NAMED:
        if table != "attributes":
            yield from meant_wrongly(language, words)
        yield from named_wrongly(table, language, words)
    elif table in ("sides", "heights"):
        yield from placed_wrongly(language, words)
    elif table == "common":
        yield from not_held(language, words)
    elif table == "adjective_endings":
        yield from (word for word in listed(told(language)["endings"]) if may_be_finding(word, words))
    else:
        yield from said_wrongly(table, language, words)


def tables_of(language: str) -> list[str]:
    said = told(language)
    own = [table for table, name in NAMED.items() if name in said]
    own += [*(("sides", "heights") if "mirrored" in said else ()), *(("common",) if "held" in said else ())]
    own += ["adjective_endings"] if "endings" in said else []
    return [*own, *{**said.get("said", {}), **said.get("reported", {})}]


ALL = [(language, table) for language in LANGUAGES for table in tables_of(language)]


@pytest.mark.parametrize(("language", "table"), ALL)
def test_a_lexicon_says_what_its_language_says(language: str, table: str) -> None:
    assert list(wrong(table, language, lexicon(language))) == []


def mutants_of(language: str, table: str) -> list[Mutant]:
    top, _, inner = table.partition(".")
    found = mutants(values_of(language), top)
    return [each for each in found if not inner or re.match(rf"{re.escape(table)}\b", each.row)]


def idle(language: str, table: str, chosen: list[Mutant]) -> list[str]:
    """The mutants' rows that nothing tells."""
    base = lexicon(language)
    tried = (each for each in chosen if f"{language} {each.row}" not in IDLE)
    return [each.row for each in tried if not _told(each.lexicon(base), language, table)]


def _told(words: Lexicon, language: str, table: str) -> bool:
    try:
        return next(wrong(table, language, words), None) is not None
    except (re.error, KeyError, IndexError, ValueError):
        return True  # the table cannot do without the row


@pytest.mark.parametrize(("language", "table"), ALL)
def test_some_rows_are_not_idle(language: str, table: str) -> None:
    assert idle(language, table, mutants_of(language, table)[::STEP]) == []


@pytest.mark.slow
@pytest.mark.parametrize(("language", "table"), ALL)
def test_no_row_is_idle(language: str, table: str) -> None:
    chosen = mutants_of(language, table)
    assert chosen and idle(language, table, chosen) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_star_after_a_group_repeats_words_and_is_no_stem(language: str) -> None:
    """``hyper(?:inflat|expan)*`` would find "hyper" and not "hyperinflated": a stem is a star after a letter."""
    text = json.dumps(values_of(language), ensure_ascii=False)
    groups = re.findall(r"\((?:\?:)?([^()]*)\)\*", text)
    assert [group for group in groups if not re.search(r"[ ,.]", group)] == []
