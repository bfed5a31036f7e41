"""Scope: what is known, what is not, in which order it is said, and that it comes back from its file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.models.base import Features
from lexseg.models.config import verdict
from lexseg.models.scope import ImageScope, ImageScorer, Scope, WordsScope, WordsScorer, World, pooled

WORLDS = (
    World("chest", "chest", ("CR", "DX"), ("pneumonia",), ("opacity on the left",), "research use only"),
    World("colon", "colon"),
)
D = 6


def words() -> WordsScorer:
    """State 0 of a token is of the chest, 1 of the colon, 2 of neither: one of it outweighs the others."""
    hidden = torch.zeros(3, 3 * D)
    hidden[:, D : D + 3] = 10 * torch.eye(3)  # of the maxima
    state = {
        "shift": torch.zeros(3 * D),
        "scale": torch.ones(3 * D),
        "hidden.weight": hidden.half(),
        "hidden.bias": torch.zeros(3),
        "out.weight": torch.tensor([[1.0, -1.0, -9.0], [-1.0, 1.0, -9.0]]),
        "out.bias": torch.full((2,), -1.0),
        "bank": torch.eye(2, D).half(),
    }
    return WordsScorer(state)


def images() -> ImageScorer:
    """One training image of each world, of brightness 0 and 1; what lies farther off than 0.2 is neither."""
    state = {
        "shift": torch.zeros(2),
        "project": torch.eye(2),
        "bank": torch.tensor([[0.0, 0.0], [1.0, 0.0]]).half(),
        "world": torch.tensor([0, 1]),
        "radius": torch.tensor([0.2, 0.2]),
        "neighbours": torch.tensor(1),
    }
    return ImageScorer(state)


def sentence(*kinds: int, null: bool = False) -> TextBatch:
    """A sentence of tokens of these kinds between two special ones, which are of no kind."""
    states = torch.cat([torch.zeros(1, D), torch.eye(3, D)[list(kinds)], torch.zeros(1, D)])[None]
    mask = torch.full(states.shape[:2], not null)
    return TextBatch(mask, torch.tensor([1]), torch.tensor([null]), states=states)


def flat(*brightness: float) -> Features:
    return Features([torch.tensor(brightness).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)], (4, 4))


@pytest.fixture
def scope() -> Scope:
    return Scope(WORLDS, words(), images())


def test_words_are_known_by_the_world_that_they_belong_to(scope: Scope):
    (chest,), (colon,) = scope.words(sentence(0, 0)), scope.words(sentence(1, 0))
    assert chest.known and chest.worlds["chest"] > 0.5 > chest.worlds["colon"]
    assert chest.distance == pytest.approx(0, abs=1e-3)
    assert colon.distance > 0.1


def test_one_foreign_word_makes_a_sentence_foreign(scope: Scope):
    (judged,) = scope.words(sentence(0, 0, 0, 0, 2))
    assert not judged.known


def test_padding_changes_nothing(scope: Scope):
    one = sentence(0, 1)
    assert one.states is not None
    states = torch.cat([one.states, torch.eye(3, D)[2].expand(1, 2, D)], dim=1)
    mask = torch.tensor([[True] * 4 + [False] * 2])
    assert scope.words(one) == scope.words(TextBatch(mask, one.caption_id, one.is_null, states=states))


def test_what_special_tokens_say_is_no_word(scope: Scope):
    one = sentence(0)
    assert one.states is not None
    one.states[0, [0, 2]] = torch.eye(3, D)[2]
    (judged,) = scope.words(one)
    assert judged.known


def test_no_sentence_is_known_in_any_world(scope: Scope):
    (judged,) = scope.words(sentence(null=True))
    assert judged == WordsScope(True, {}, 0.0)
    assert verdict(ImageScope(True, "colon", 0.1), judged) is None


def test_images_are_known_by_their_nearest_world(scope: Scope):
    black, white, gray, near = scope.image(flat(0.0, 1.0, 0.5, 0.15))
    assert (black.known, black.world, black.distance) == (True, "chest", 0)
    assert (white.known, white.world) == (True, "colon")
    assert (gray.known, gray.world) == (False, None) and gray.distance == pytest.approx(2.5, rel=1e-3)
    assert near.known and near.distance == pytest.approx(0.75, rel=1e-3)


def test_an_image_of_a_world_lies_near_its_images_in_every_space():
    """The first direction is one space, the second another, in which the radii are half as long."""
    state = images().state() | {"space": np.array([0, 1]), "radius": np.array([[0.2, 0.2], [0.1, 0.1]], np.float32)}
    judged = ImageScorer(state).judge([[0.0, 0.0], [0.1, 0.05], [0.0, 0.15], [1.1, 0.0]])
    assert judged == pytest.approx(np.array([[0, 5], [0.5, 4.5], [1.5, 5], [5.5, 0.5]]), abs=1e-3)


def test_the_image_is_judged_first_then_the_words_then_whether_they_belong_together(scope: Scope):
    (known,), (unknown,) = scope.image(flat(0.0)), scope.image(flat(9.0))
    (chest,), (colon,), (foreign,) = (scope.words(sentence(kind)) for kind in (0, 1, 2))
    assert verdict(known, chest) is None
    assert verdict(known, colon) == "world"
    assert verdict(known, foreign) == "words"
    assert [verdict(unknown, each) for each in (chest, colon, foreign)] == ["image"] * 3


def test_a_model_that_cannot_judge_knows_everything():
    scope = Scope(WORLDS)
    (judged,), (image,) = scope.words(sentence(2)), scope.image(flat(9.0))
    assert verdict(image, judged) is None


def folder_of(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"method": "tmca", "scope": None}))
    return tmp_path


def test_what_was_saved_comes_back(scope: Scope, tmp_path: Path):
    folder = folder_of(tmp_path)
    scope.save(folder)
    loaded = Scope.load(folder)
    assert loaded is not None and loaded.worlds == WORLDS
    assert json.loads((folder / "config.json").read_text())["method"] == "tmca"
    for kinds in ((0,), (1, 0), (2, 1)):
        assert loaded.words(sentence(*kinds)) == scope.words(sentence(*kinds))
    assert loaded.image(flat(0.1, 0.7)) == scope.image(flat(0.1, 0.7))


def test_an_older_folder_has_none(tmp_path: Path):
    assert Scope.load(folder_of(tmp_path)) is None


@pytest.mark.parametrize("damage", ["flip", "remove", "format"])
def test_a_damaged_scope_is_refused(scope: Scope, tmp_path: Path, damage: str):
    folder = folder_of(tmp_path)
    scope.save(folder)
    file = folder / "scope.safetensors"
    if damage == "flip":
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    elif damage == "remove":
        file.unlink()
    else:
        config = json.loads((folder / "config.json").read_text())
        config["scope"]["format"] = 99
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="scope"):
        Scope.load(folder)


def test_images_are_pooled_by_mean_and_spread():
    (point,) = pooled([torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)])
    assert point.tolist() == [1.0, 1.0]
