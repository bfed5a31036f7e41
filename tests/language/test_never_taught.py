"""A finding that the lexicon knows, and that a world's data do not hold, is told apart however familiar it sounds."""

import csv
import re

import pytest

from lexseg.datasets.refer.foreign import foreign_worlds
from lexseg.language.asking import WORLDS, Named, looked_for, surely_not_of, surely_of

LEARNT = {name: world.learnt for name, world in foreign_worlds().items()}
SETS = {
    "qata_covid19": "chest",
    "breast_us_birads": "breast",
    "busi_subset": "breast",
    "polyp_kvasir": "colon",
    "covid_ct": "chest-ct",
    "brain_mri_lgg": "brain",
    "skin_ph2": "skin",
}


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_what_is_taught_is_never_taken_for_what_is_not(world: str) -> None:
    asset = foreign_worlds()[world]
    names = (*asset.learnt, *asset.also)
    texts = [*names, *asset.natural, *(f"{name} {beside}" for name in names for beside in asset.beside)]
    texts += [f"{adjective} {name}" for name in names for adjective in asset.adjectives]
    assert [text for text in texts if world in surely_not_of(text, LEARNT)] == []


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(SETS))
def test_no_caption_of_a_set_is_taken_for_another_finding(data_root, name: str) -> None:
    with open(data_root / name / "cases.csv", newline="", encoding="utf-8") as file:
        texts = {row[key] for row in csv.DictReader(file) for key in row if re.fullmatch(r"text\w*", key)}
    asked = [words for text in texts if text and (words := looked_for(text)[0])]
    assert len(asked) > 20
    assert [text for text in asked if SETS[name] in surely_not_of(text, LEARNT)] == []


@pytest.mark.parametrize(
    ("text", "worlds"),
    [
        ("large right pneumothorax", WORLDS),
        ("effusion", WORLDS),
        ("lung nodule", WORLDS),  # no sonogram of a breast shows a lung
        ("mass of the chest wall", WORLDS - {"breast", "skin"}),  # beside which the chest may be seen
        ("lung cancer", WORLDS),
        ("mole on the chest", WORLDS - {"skin"}),
        ("Baker's cyst", WORLDS),  # of somebody whom nobody knows: a finding of its own
        ("Wilms' tumour", WORLDS),
        ("the patient's cyst", WORLDS - {"breast"}),
        ("Peter's mole", WORLDS - {"skin"}),
        ("the lungs", WORLDS),  # the organ itself
        ("segment the breast, please", WORLDS),
        ("segment the left lung", WORLDS),
        ("both lungs", WORLDS),
        ("Where is the left lung?", WORLDS),
        ("outline the right lower lobe", WORLDS),
        ("the left lung?", {"breast", "colon", "brain", "skin"}),  # what is wrong there
        ("segment the infected left lung", {"breast", "colon", "brain", "skin"}),
        ("tennis racket", WORLDS),  # two words of which nothing is known, and no other
        ("lorem ipsum", WORLDS),
        ("Is there any racket on the left?", WORLDS),
        ("a racket in the lung", {"breast", "colon", "brain", "skin"}),
        ("polp, polyep", set()),
        ("RLL opac", set()),  # cut short
        ("consol, left base", set()),
        ("tumor", {"chest", "chest-ct"}),
        ("tumor of the prostate", WORLDS - {"colon"}),  # no other shows it
        ("brain tumour", WORLDS - {"brain"}),
        ("the nipple", WORLDS),  # drawn by none, though it lies in one
        ("lymph nodes", WORLDS),
        ("intramammary node", WORLDS),
        ("a mass behind the nipple", {"chest", "chest-ct", "colon", "brain"}),
        ("anything at the left hilum?", {"brain", "colon"}),  # a place
        ("tension pneumothorax", WORLDS),  # a pneumothorax, of whatever kind
        ("meningoencephalitis", WORLDS),  # formed as names of diseases are
        ("Hodgkin disease", WORLDS),
        ("astrocitooma", set()),  # a name misspelt
        ("opacity and a small pneumothorax", WORLDS - {"chest", "chest-ct"}),  # one of two is taught
        ("what do you see on the left?", set()),  # no finding
        ("giraffe", WORLDS),  # a word of which nothing is known, and no other
        ("polyep", set()),  # it may be meant
        ("hgfdsa", WORLDS),
    ],
)
def test_of_which_worlds_a_finding_is_not(text: str, worlds: set[str]) -> None:
    assert surely_not_of(text, LEARNT) == worlds
    assert not surely_of(text) & surely_not_of(text, LEARNT)


def test_a_model_that_says_what_it_was_taught_is_believed() -> None:
    assert surely_not_of("pneumothorax", {"chest": ("pneumonia", "pneumothorax")}) == set()
    assert surely_not_of("pneumothorax", {"chest": (), "kidney": ("stone",)}) == set()  # it says nothing; not ours
    assert surely_not_of("meningoencephalitis", {"brain": ("meningoencephalitis",)}) == set()
    assert surely_not_of("nipple", {"breast": ("nipple",)}) == set()
    assert surely_not_of("segment the lungs", {"chest": ("lung",)}) == set()
    assert surely_not_of("segment the lungs", {"chest": ("lung infection",)}) == {"chest"}
    assert surely_not_of("segment the left lung", {"chest": ("left lung",)}) == set()
    assert surely_not_of("outline the left lower lobe", {"chest": ("lobe of the lung",)}) == set()
    assert surely_not_of("tennis racket", {"chest": ("racket",)}) == set()


@pytest.mark.parametrize(
    ("text", "worlds"),
    [
        ("segment the giraffe", WORLDS),
        ("polp in the rectum, hte polyep", set()),  # misspelt: it may be meant
        ("giraffe-shaped mass", set()),  # a finding is named
        ("what is wrong here?", set()),
    ],
)
def test_of_which_worlds_strange_words_are_doubted(text: str, worlds: set[str]) -> None:
    assert Named.of(text).doubted(LEARNT) == worlds
    assert Named.of(text).doubted({"chest": ("giraffe",)}) == set()
