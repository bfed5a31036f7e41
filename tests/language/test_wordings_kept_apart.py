"""The kept-apart wordings are what they are meant to be, and no training sentence can be one of them."""

import re
from pathlib import Path

import numpy as np
import pytest

import kept_apart
from lexseg.cases.manifest import read_manifest
from lexseg.datasets.refer import frames
from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.nouns import NOUNS
from lexseg.datasets.refer.places import places as said_places
from lexseg.datasets.refer.query import Query
from lexseg.language import synonyms
from lexseg.language.denial import affirmed
from lexseg.language.sides import mirror_words, places
from lexseg.scans.masks import read_instances

KEPT = kept_apart.wordings()


def plain(text: str) -> str:
    """Without capitals and punctuation."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split())


def all_texts() -> list[str]:
    texts = [*KEPT["one_lung"], *KEPT["healthy_lung"], *KEPT["contradictions"]]
    texts += [entry["text"] for group in ("zones", "captions", "negation") for entry in KEPT[group]]
    texts += [mirror_words(text, "horizontal") for text in texts]
    return texts + [entry[side] for entry in KEPT["misspelt"] for side in ("left", "right")]


def test_there_are_enough_of_each_and_none_twice() -> None:
    least = {"one_lung": 40, "healthy_lung": 10, "zones": 20, "captions": 10, "contradictions": 10}
    for group, n in (least | {"negation": 10, "misspelt": 10}).items():
        assert len(KEPT[group]) >= n
    written = [plain(entry if isinstance(entry, str) else entry.get("text") or entry["left"])
               for group in KEPT if group != "about" for entry in KEPT[group]]  # fmt: skip
    assert len(written) == len(set(written))


@pytest.mark.parametrize("text", [*KEPT["one_lung"], *KEPT["healthy_lung"]])
def test_a_request_names_its_lung_and_negates_nothing(text: str) -> None:
    assert places(text) == {("left", "")}
    assert places(mirror_words(text, "horizontal")) == {("right", "")}
    assert mirror_words(mirror_words(text, "horizontal"), "horizontal") == text
    assert affirmed(text) == text


@pytest.mark.parametrize("entry", KEPT["zones"], ids=lambda e: e["text"])
def test_a_zone_is_named(entry: dict[str, str]) -> None:
    assert places(entry["text"]) == {("left", entry["zone"])}
    assert affirmed(entry["text"]) == entry["text"]


@pytest.mark.parametrize("entry", KEPT["captions"], ids=lambda e: e["text"])
def test_a_caption_names_its_places(entry: dict[str, object]) -> None:
    assert isinstance(entry["text"], str) and isinstance(entry["places"], list)
    assert places(entry["text"]) == {tuple(place) for place in entry["places"]}


@pytest.mark.parametrize("entry", KEPT["negation"], ids=lambda e: e["text"])
def test_what_is_negated_is_not_asked(entry: dict[str, str]) -> None:
    rest = affirmed(entry["text"])
    assert (rest is None) == (entry["asks"] is None)
    if rest is not None:
        assert {side for side, _ in places(rest)} == {entry["asks"]}


# --- none of them can be met in training ------------------------------------------------


def slot(template: str, **slots: str) -> re.Pattern[str]:
    """A pattern for the plain form of what a template gives; slots that are not named take anything."""
    parts = re.split(r"(\{\w+\})", template)
    found = [
        f"(?:{slots.get(part[1:-1], '.+')})" if part.startswith("{") else re.escape(plain(part)).replace(r"\ ", r"\s+")
        for part in parts
    ]
    return re.compile(r"\s*".join(found))


def alternatives(words: list[str]) -> str:
    return "|".join(sorted({re.escape(plain(w)).replace(r"\ ", r"\s+") for w in words}, key=len, reverse=True))


def noun_phrases() -> set[str]:
    """Every name of a place in the lungs with every name of what is in it, of the grammar's and the synonyms."""
    nouns = NOUNS["chest"]
    names = [*nouns.mass, *(n for pair in nouns.count for n in pair), *synonyms.FILM_NOUNS, *synonyms.FILM_PLURALS]
    phrases: set[str] = set()
    for side in ("left", "right", "both", None):
        for zone in ("upper", "middle", "lower", None):
            query = Query(zone=zone, count="both") if side == "both" else Query(side=side, zone=zone)  # type: ignore[arg-type]
            said = said_places(query, ANATOMIES["chest"])
            for form in (*said.before, *(f"%{after}" for after in said.after)):
                words = plain(form.format(s=side, S=(side or "")[:1], w="image"))
                phrases |= {plain(f"{words} {n}" if "%" not in form else f"{n} {words}") for n in names}
    return phrases


def test_the_grammar_of_referring_expressions_has_none_of_them() -> None:
    phrases = noun_phrases()
    assert plain("opacity in the left lung") in phrases and plain("LLZ infiltrate") in phrases
    article = r"(?:the |a |an |any |all |all the |both )?"
    sentences = [*frames.COMMANDS, *frames.QUESTIONS, *frames.REPORTS, *frames.BARE]
    open_frames = [re.sub(r"\{(?:np|Np|the|The|a|A|any)\}", "{phrase}", frame) for frame in sentences]
    patterns = [slot(frame, phrase=f"{article}(?P<np>.+)") for frame in open_frames]

    def generated(text: str) -> bool:
        matches = (pattern.fullmatch(plain(text)) for pattern in patterns)
        return any(match is not None and match["np"].strip() in phrases for match in matches)

    assert generated("Segment the opacity in the left lung.") and generated("Any LUL infiltrate?")
    assert [text for text in all_texts() if generated(text)] == []


def test_no_paraphrase_of_a_template_is_one_of_them() -> None:
    nouns = alternatives([*synonyms.FILM_NOUNS, *synonyms.FILM_PLURALS])
    sides = alternatives([w for group in synonyms.LATERALITY.values() for w in group])
    counts = rf"(?:\w+ )?(?:{alternatives([*synonyms.COUNTED, *synonyms.COUNTED_ONE])})"
    templates = [*synonyms.FILM_SENTENCES, *synonyms.FILM_SENTENCES_WITHOUT_PLACES]
    slots = {"noun": nouns, "laterality": sides, "count": counts, "is": "is|are", "places": PLACE_LIST}
    patterns = [slot(template, **slots) for template in templates]

    def generated(text: str) -> bool:
        return any(pattern.fullmatch(plain(text)) for pattern in patterns)

    assert generated("Segment the opacities in the left lower zone and RUL.")
    assert generated("Two infected areas: both lung bases")
    assert [text for text in all_texts() if generated(text)] == []


# a superset of the lists of places: any of their words in any order
PLACE_LIST = (
    r"(?:(?:the|all|whole|entire|left|right|upper|middle|mid|lower|lungs?|zones?|lobes?|fields?|field|hemithorax|part|of"
    r"|[lr]|[lr]t|[lr][uml][zl]|and|as|well|both|bases|bilaterally)\s*)+"
)


@pytest.mark.data
def test_films_are_asked_for_what_they_show(data_root: Path, tmp_path: Path) -> None:
    films = kept_apart.films(data_root)[:40]
    counts = kept_apart.write_manifest(films, tmp_path)
    cases = read_manifest(tmp_path / "cases.csv")
    assert len(cases) == sum(counts.values()) > 40 and set(counts) == {"one_lung", "healthy_lung"}
    for case in cases:
        assert case.mask is not None and case.extra["region"] in ("left", "right")
        labels = read_instances(case.mask)
        found = np.isin(labels, case.target_ids)
        columns = np.nonzero(found)[1]
        assert places(case.text) == {(case.extra["region"], "")} and case.laterality == "image"
        if case.extra["group"] == "healthy_lung":
            assert case.expression_kind == "none" and case.target_ids == () and labels.any()
        else:
            assert (columns.mean() < labels.shape[1] / 2) == (case.extra["region"] == "left")
            assert 0.002 <= found.mean() < (labels > 0).mean()
