"""The worlds of a model, as its manifests tell of them."""

from pathlib import Path

import pytest

from lexseg.cases.case import Case, Split
from lexseg.datasets.refer.foreign import foreign_worlds
from lexseg.errors import ConfigError
from lexseg.training.scope import ScopeWorld, scope_worlds

MINE = ("a stone in the left kidney", "calculus of the right kidney")


def cases(folder: str, texts: tuple[str, ...] = MINE, **extra: str) -> list[Case]:
    at = Path(folder)
    splits: tuple[Split, ...] = ("train", "val")
    return [
        Case(f"{folder}{split}", at / f"{split}.png", (text,), split=split, source=at / "cases.csv", extra=extra)
        for text, split in zip(texts, splits, strict=True)
    ]


def test_manifests_of_one_world_are_taken_together():
    manifests = [Path(name) / "cases.csv" for name in "abc"]
    worlds = scope_worlds([*cases("a"), *cases("b"), *cases("c")], manifests, ["kidney", "chest", "kidney"])
    assert [(world.name, len(world.cases)) for world in worlds] == [("kidney", 4), ("chest", 2)]


@pytest.mark.parametrize(("names", "terms"), [(["kidney", "chest"], {}), (["kidney"], {"lung": "none"})])
def test_names_and_terms_must_fit_the_manifests(names: list[str], terms: dict[str, str]):
    with pytest.raises(ConfigError, match="scope"):
        scope_worlds(cases("a"), [Path("a/cases.csv")], names, terms=terms)


def test_sentences_of_ones_own_data_are_told_only_where_one_says_so():
    assert ScopeWorld("kidney", cases("a")).described().examples == ()
    assert set(ScopeWorld("kidney", cases("a"), examples=True).described().examples) == {MINE[0]}


def test_examples_of_a_listed_world_are_no_sentences_of_its_data():
    examples = ScopeWorld("chest", cases("a"), examples=True).described().examples
    assert examples and not set(examples) & set(MINE)


def test_anatomy_and_modality_come_from_the_manifest_where_it_says_them():
    world = ScopeWorld("mine", cases("a", anatomy="kidney", modality="US"), terms="CC BY 4.0").described()
    assert (world.anatomy, world.modalities, world.terms) == ("kidney", ("US",), "CC BY 4.0")
    assert ScopeWorld("chest", cases("a")).described().modalities == ("CR", "DX")


def test_foreign_questions_of_the_data_are_not_among_its_captions():
    own = cases("a")
    foreign = Case(
        "f", Path("a/train.png"), ("a teapot",), split="train", expression_kind="foreign", source=own[0].source
    )
    assert ScopeWorld("kidney", [*own, foreign]).captions == {"fit": (MINE[0],), "calibrate": (MINE[1],)}


def test_a_finding_of_ones_own_in_a_world_of_ours_is_told():
    own = ScopeWorld("chest", cases("a", ("pneumothorax on the left", "pneumothorax"))).described().findings
    assert own == (*foreign_worlds()["chest"].learnt, "pneumothorax")
    theirs = ScopeWorld("chest", cases("a", ("pneumonia, no effusion", "a cavity"))).described().findings
    assert theirs == foreign_worlds()["chest"].learnt
