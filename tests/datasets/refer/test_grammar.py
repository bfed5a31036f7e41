"""Wordings: many, grammatical, and true of the mirrored image when their sides are swapped."""

import itertools
import re

import pytest

from lexseg.datasets.refer import predicates as p
from lexseg.datasets.refer import propose
from lexseg.datasets.refer.adjectives import LENGTHS_MM
from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.grammar import mirrored_query, wordings
from lexseg.datasets.refer.nouns import CLASSES, NOUNS, class_nouns, own_nouns
from lexseg.datasets.refer.query import Query
from lexseg.language.sides import mirror_words, places

CHEST = ANATOMIES["chest"]
FORMS = ("mass", "one", "many")


def said(query, anatomy=CHEST, nouns=None, forms=FORMS):
    nouns = nouns or NOUNS[anatomy.name]
    return [text for form in forms for text in wordings(query, form, nouns, anatomy)]


def queries(anatomy):
    return [
        Query(),
        *propose.plain(None),
        *propose.placed(anatomy, None),
        *propose.across(anatomy, None),
        *propose.negated(None),
        *propose.contradictions(anatomy, None),
        *propose.ranked(None),
        *propose.likened(anatomy, None, lengths=True),
    ]


def sided(query):
    fields = (query.side, query.without, query.column if query.column != "center" else None)
    words = (query.rank in ("leftmost", "rightmost"), query.relation in ("left_of", "right_of"))
    return any(fields) or any(words)


@pytest.mark.parametrize("anatomy", ANATOMIES.values(), ids=ANATOMIES)
def test_every_wording_mirrors_to_the_other_side_and_back(anatomy):
    for query in queries(anatomy):
        for text in said(query, anatomy):
            mirrored = mirror_words(text, "horizontal")
            assert mirror_words(mirrored, "horizontal") == text
            if sided(query):
                assert mirrored != text, (str(query), text)
                assert not _same_sides(text, mirrored), (str(query), text, mirrored)


def _same_sides(text, mirrored):
    """Whether any side word was left as it was."""
    words = re.compile(r"\b(left|right|leftmost|rightmost|[LR](?=(?:UL|ML|LL|UZ|MZ|LZ)?\b))", re.IGNORECASE)
    return any(a.lower() == b.lower() for a, b in zip(words.findall(text), words.findall(mirrored), strict=True))


@pytest.mark.parametrize("anatomy", ANATOMIES.values(), ids=ANATOMIES)
def test_mirrored_wordings_are_the_other_sides_own(anatomy):
    """So the mirror of training asks for few sentences that are not known yet."""
    for query in queries(anatomy):
        if not sided(query):
            continue
        other = set(said(mirrored_query(query), anatomy))
        mirrored = [mirror_words(text, "horizontal") for text in said(query, anatomy)]
        # the right middle lobe has no twin
        known = sum(text in other or bool(re.search("middle lobe|[LR]ML", text)) for text in mirrored)
        assert known >= 0.8 * len(mirrored), str(query)


def test_lung_wordings_name_exactly_the_place_asked_for():
    """Held against the reader of places, which knows nothing of this grammar."""
    for side, zone in itertools.product((None, "left", "right"), (None, *p.ZONES)):
        expected = frozenset({(side or "", zone or "")} if side or zone else ())
        for text in said(Query(side=side, zone=zone)):
            assert places(text) == expected, text
        if side is None:
            for text in said(Query(zone=zone, count="both")):
                assert places(text) == {("left", zone or ""), ("right", zone or "")}, text
    for query in propose.negated(None):
        for text in said(query):
            assert {side for side, _ in places(text)} == {"left", "right"}, text


def test_one_lung_is_asked_for_in_many_ways():
    texts = said(Query(side="left"))
    assert len(texts) == len(set(texts)) >= 600
    nouns = sorted([*NOUNS["chest"].mass, *itertools.chain(*NOUNS["chest"].count)], key=len, reverse=True)
    noun = re.compile("|".join(map(re.escape, nouns)), re.IGNORECASE)
    patterns = {noun.sub("...", text.lower(), count=1) for text in texts}
    assert len(patterns) >= 40
    # commands, questions, lines of a report and bare phrases, all of them
    assert sum(text.endswith("?") for text in texts) > 50
    assert sum(text.lower().startswith(("segment", "outline", "show", "mark", "find")) for text in texts) > 50
    assert sum(text.startswith(("There", "Findings", "Impression", "Evidence")) for text in texts) > 20
    assert {name.lower() for text in texts for name in noun.findall(text)} == {name.lower() for name in nouns}


def test_radiologists_abbreviations():
    for query, word in (
        (Query(side="right", zone="upper"), "RUL"),
        (Query(side="right", zone="middle"), "RML"),
        (Query(side="right", zone="lower"), "RLL"),
        (Query(side="left", zone="upper"), "LUL"),
        (Query(side="left", zone="lower"), "LLL"),
        (Query(zone="lower", count="both"), "ibasal"),
        (Query(side="left"), "L lung"),
        (Query(side="left", zone="lower"), "at the left base"),
        (Query(side="right", zone="upper"), "at the right apex"),
    ):
        assert any(word in text for text in said(query)), word
    # there is no left middle lobe
    assert not any("middle lobe" in text or "LML" in text for text in said(Query(side="left", zone="middle")))


def test_sentences_agree_in_number():
    plural, singular = r"\b(is|There is|Is there|[Aa]n?)\b", r"\b(There are|Are there|(?<!Findings )are|all|both)\b"
    for query in (Query(side="left"), Query(), Query(side="right", zone="upper")):
        for text in wordings(query, "many", NOUNS["chest"], CHEST):
            assert not re.search(plural, text), text
        for text in wordings(query, "one", NOUNS["chest"], CHEST):
            assert not re.search(singular, text), text


def test_articles():
    asked = itertools.product(("left", "right"), (None, *p.ZONES))
    texts = [text for side, zone in asked for text in said(Query(side=side, zone=zone), forms=("one",))]
    found = {match for text in texts for match in re.findall(r"\b([Aa]n?) (\w+)", text)}
    assert {("An", "RUL"), ("An", "LUL"), ("an", "opacity"), ("a", "left"), ("a", "right")} <= found
    for article, word in found:
        # abbreviations are spelled out: "an R-U-L"
        assert (article.lower() == "an") == (word[0] in "aeiouLR"), (article, word)


def test_superlatives_and_counts():
    for text in said(Query(rank="largest"), forms=("one",)):
        assert not re.search(r"\b(a|an|any) (largest|biggest)", text), text
    texts = said(Query(count=2, side="left"), forms=("many",))
    assert all("two" in text.lower() or "both" in text for text in texts)
    assert any("both" in text for text in texts)
    assert not any("both two" in text or "all two" in text for text in texts)
    assert all("three" in text.lower() for text in said(Query(count=3), forms=("many",)))


def test_contradictions_name_two_places():
    for text in said(Query(side="left", also="right")):
        assert "left" in text.lower() or "L lung" in text
        assert "right" in text.lower() or "R lung" in text
    low = ("lower", "basal", "bases")
    for text in said(Query(zone="upper", also="lower")):
        assert re.search("upper|apical", text, re.IGNORECASE) and any(word in text.lower() for word in low), text


def test_a_negated_clause_speaks_of_the_other_side():
    texts = said(Query(side="right", without="left"))
    assert any(re.match(r"No \w+.* on the left; .*right", text) for text in texts)
    assert all("left" in text.lower() for text in texts)


def test_lengths_are_said_in_millimetres_and_centimetres():
    texts = said(Query(over=20), ANATOMIES["abdomen"], forms=("one", "many"))
    assert any("20 mm" in text for text in texts) and any("2 cm" in text for text in texts)
    for length in LENGTHS_MM:
        # "more than" against "less than" must never be mixed up
        assert not any(re.search("smaller|under|less", text) for text in said(Query(over=length)))
        assert not any(re.search("larger|over|more|exceed", text) for text in said(Query(under=length)))


def test_places_of_an_organ_are_said_of_the_organ():
    from dataclasses import replace

    liver = replace(ANATOMIES["abdomen"], framed=True)
    for query in (*propose.placed(liver, None), Query(zone="upper")):
        assert all("liver" in text.replace("liver lesion", "") for text in said(query, liver)), str(query)
    assert not any("of the liver" in text for text in said(Query(side="left"), liver))


def test_words_of_ones_own():
    texts = said(Query(side="left"), ANATOMIES["grid"], own_nouns("focus,foci"))
    assert texts and all(re.search("foc(us|i)", text, re.IGNORECASE) for text in texts)
    assert not wordings(Query(), "mass", own_nouns("nodule"), CHEST)
    assert [own_nouns(noun).count[0][1] for noun in ("nodule", "mass", "opacity", "ray")] == [
        "nodules",
        "masses",
        "opacities",
        "rays",
    ]


def test_classes_are_called_as_they_are_known():
    assert class_nouns("GGO") is CLASSES["ggo"] is class_nouns("ground-glass opacity")
    assert class_nouns("renal_cyst").count == (("renal cyst", "renal cysts"),)


def test_the_language_is_bounded():
    total = sum(len(said(query)) for query in queries(CHEST))
    assert total < 20_000
