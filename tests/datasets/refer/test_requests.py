"""Requests as people type them: many forms, and the same places."""

import pytest

from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.nouns import CLASSES, NOUNS
from lexseg.datasets.refer.query import Query
from lexseg.datasets.refer.requests import NAMES, POOL, requests
from lexseg.language.denial import affirmed
from lexseg.language.sides import mirror_words, places

CHEST = ANATOMIES["chest"]
ZONES = [Query(side=side, zone=zone) for side in ("left", "right") for zone in ("upper", "middle", "lower")]


def of(query, anatomy="chest"):
    return requests(query, NOUNS[anatomy], ANATOMIES[anatomy])


@pytest.mark.parametrize("query", [Query(side="left"), Query(side="right"), *ZONES], ids=str)
def test_they_name_the_places_of_their_query_and_deny_nothing(query):
    wanted = {(query.side, query.zone or "")}
    said = of(query)
    assert len(said) == POOL[query.family] == len(set(said))
    wrong = [text for text in said if set(places(text)) != wanted]
    # forms such as "L lung" in capitals that the reading of places does not know
    assert len(wrong) < 0.05 * len(said), wrong[:5]
    assert all(affirmed(text) == text for text in said)


def test_of_both_sides_the_same_is_asked():
    left, right = of(Query(side="left")), of(Query(side="right"))
    long = [{text.replace("rt ", "right ").replace("lt ", "left ") for text in said} for said in (left, right)]
    assert len({mirror_words(text, "horizontal") for text in long[0]} & long[1]) > 0.97 * len(left)


@pytest.mark.parametrize("anatomy", sorted(NAMES))
def test_they_come_in_many_forms(anatomy):
    said = of(Query(), anatomy)
    first = {text.split()[0].casefold() for text in said}
    assert len(said) == POOL["all"] and len(first) > 90
    assert 0.2 < sum("?" in text for text in said) / len(said) < 0.5
    assert sum(text.isupper() for text in said) > 5


def test_classes_keep_their_names():
    said = requests(Query(name="ggo"), CLASSES["ggo"], ANATOMIES["chest-ct"])
    names = [*CLASSES["ggo"].mass, *(one for one, _ in CLASSES["ggo"].count)]
    assert said and all(any(name.casefold() in text.casefold() for name in names) for text in said)


def test_what_says_more_than_where_has_none():
    assert of(Query(side="left", size="large")) == () and of(Query(rank="largest")) == ()
