"""Foreign questions: what they are made of, and what they are never made of."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import lexseg
from lexseg.datasets.refer.foreign import KINDS, foreign_name, foreign_question, foreign_worlds, kept_apart, vocabulary
from lexseg.errors import ConfigError

KEPT = json.loads(Path(__file__).parents[2].joinpath("foreign_kept_apart.json").read_text(encoding="utf-8"))
PHRASES = [
    *(KEPT["everyday"] + KEPT["nonsense"] + KEPT["other_organ"]),
    *(phrase for phrases in KEPT["never_learnt"].values() for phrase in phrases),
]


def _holds(phrase: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(phrase.lower())}(?:s|es)?(?![\w-])", text.lower()) is not None


@pytest.fixture(scope="module")
def questions() -> list[str]:
    rng = np.random.default_rng(0)
    return [foreign_question(world, rng)[0] for world in foreign_worlds() for _ in range(2000)]


def test_no_question_holds_what_is_kept_apart(questions: list[str]):
    said = "\n".join(questions)
    assert [phrase for phrase in PHRASES if _holds(phrase, said)] == []


def test_no_list_of_findings_holds_what_is_kept_apart():
    words = Path(lexseg.__file__).parent / "assets" / "words"
    said = "\n".join(file.read_text(encoding="utf-8") for file in words.glob("*"))
    assert [phrase for phrase in PHRASES if _holds(phrase, said)] == []


def test_no_code_reads_what_is_kept_apart():
    root = Path(lexseg.__file__).parent
    reading = [f for f in root.rglob("*") if f.suffix in (".py", ".yaml") and "kept_apart.json" in f.read_text("utf-8")]
    assert reading == []


def test_everyday_words_of_the_vocabulary_are_never_those_kept_apart():
    assert not any(map(kept_apart, vocabulary()))
    words = [word for word in KEPT["everyday"] if " " not in word]
    assert all(map(kept_apart, words))
    # a quarter, and not the rarest
    assert 10_000 < len(vocabulary()) < 20_000


@pytest.mark.parametrize("world", foreign_worlds())
def test_every_kind_is_asked_for_in_every_world(world: str):
    rng = np.random.default_rng(1)
    kinds = [foreign_question(world, rng)[1] for _ in range(300)]
    assert set(kinds) == set(KINDS)


def test_equal_generators_ask_equal_questions():
    asked = [[foreign_question("chest", np.random.default_rng(seed)) for seed in range(30)] for _ in range(2)]
    assert asked[0] == asked[1]
    assert len(set(asked[0])) > 25


@pytest.mark.parametrize("world", foreign_worlds())
def test_what_a_world_or_its_neighbour_learnt_is_not_foreign_to_it(world: str):
    rng = np.random.default_rng(2)
    here = foreign_worlds()[world]
    worlds = [foreign_worlds()[name] for name in (world, *here.near)]
    learnt = {name for each in worlds for name in (*each.learnt, *each.also)}
    names = {foreign_name(world, kind, rng) for kind in KINDS for _ in range(500)}
    assert not names & learnt


def test_an_unknown_world_is_refused():
    with pytest.raises(ConfigError, match="liver"):
        foreign_question("liver", np.random.default_rng(0))
