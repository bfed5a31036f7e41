import pytest

from lexseg.language.asking import contradicts
from lexseg.language.sides import mirror_words

CONTRADICTIONS = (
    "the left lesion in the right lung",
    "The left lesion in the right lung.",
    "left-sided opacity in the right lung",
    "Segment the left lung consolidation of the right lung.",
    "a left lower lobe infiltrate on the right side",
    "the LEFT mass is located in the RIGHT breast",
    "Outline the left areas of infection in the R lung.",
    "L lung infiltrates within the right hemithorax",
)
SENSE = (
    "opacity in the left lung and in the right lung",
    "left lung opacity, right lung clear",
    "opacity in the left lung, larger than in the right lung",
    "the left opacity is larger than the one in the right lung",
    "left lower zone opacity; consolidation in the right lung",
    "bilateral pulmonary infection, two infected areas, lower left lung and all right lung.",
    "the lesion left of the largest one in the right lung",
    "the opacity on the left of the right hilum",
    "nodule left of effusion in the right lung",
    "left lung infiltrate in the left lower zone",
    "the leftmost lesion in the right lung",
    "left lung disease progressing to the right lung",
    "both the left opacity and the one in the right lung",
)


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_a_finding_on_both_sides_is_one_too_many(text):
    assert contradicts(text)
    assert contradicts(mirror_words(text, "horizontal"))


@pytest.mark.parametrize("text", SENSE)
def test_what_makes_sense_is_let_through(text):
    assert not contradicts(text)
    assert not contradicts(mirror_words(text, "horizontal"))


@pytest.mark.data
def test_no_sentence_of_the_data_sets_is_taken_for_one(data_root):
    from lexseg.cases.manifest import read_manifest

    for name in ("qata_covid19", "breast_us_birads", "polyp_kvasir", "busi_subset", "covid_ct"):
        cases = read_manifest(data_root / name / "cases.csv")
        assert not [case.text for case in cases if contradicts(case.text)]


def test_no_expression_about_something_that_is_there_is_taken_for_one():
    from lexseg.datasets.refer.anatomy import ANATOMIES
    from lexseg.datasets.refer.grammar import wordings
    from lexseg.datasets.refer.nouns import NOUNS
    from lexseg.datasets.refer.query import Query

    queries = [Query(side="left"), Query(side="left", zone="lower"), Query(zone="upper", count="both"),
               Query(count=2), Query(side="left", without="right"), Query(side="right", rank="largest"),
               Query(rank="leftmost"), Query(relation="left_of")]  # fmt: skip
    said = [w for q in queries for form in ("mass", "one", "many")
            for w in wordings(q, form, NOUNS["chest"], ANATOMIES["chest"])]  # fmt: skip
    assert len(said) > 1000
    assert not [w for w in said if contradicts(w)]
    absurd = wordings(Query(side="left", also="right"), "one", NOUNS["chest"], ANATOMIES["chest"])
    assert sum(map(contradicts, absurd)) / len(absurd) > 0.5
