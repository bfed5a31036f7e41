"""Images with their sentences: who belongs to whom, and what is a negative of what."""

from pathlib import Path

import pytest
import torch

from lexseg.errors import ConfigError, DataError
from lexseg.training.weak.pairs import Draw, Pairs, no_negatives, parts_of, read_pairs
from weak_sets import one_square


def pairs_of(keys: list[str]) -> Pairs:
    return Pairs(tuple(range(len(keys))), (True,) * len(keys), tuple(keys))  # type: ignore[arg-type]


def test_pairs_have_no_masks(squares: Path) -> None:
    training, validation = read_pairs([squares])
    assert (len(training), len(validation)) == (12, 4)
    assert all(case.mask is None for case in (*training.cases, *validation.cases))


def test_a_phrase_stands_for_captions_and_labels_say_where_it_is_true(tmp_path: Path) -> None:
    training, _ = read_pairs([one_square(tmp_path / "set", present=True)], phrase="a bright square")
    assert set(training.key) == {"a bright square"}
    assert [i % 3 != 2 for i in range(12)] == list(training.belong)


def test_the_same_of_every_image_is_nothing_to_learn_from(squares: Path) -> None:
    with pytest.raises(DataError, match="nothing to tell apart"):
        read_pairs([squares], phrase="a bright square")


def test_no_manifest() -> None:
    with pytest.raises(ConfigError, match="no manifest"):
        read_pairs([])


def test_a_batch_holds_as_many_captions_as_can_be_and_no_image_twice() -> None:
    draw = Draw(pairs_of(["a"] * 30 + ["b", "c", "d"]), 4, seed=0)
    for step in range(20):
        batch = draw(step)
        assert len(set(batch)) == 4
        assert sum(i < 30 for i in batch) == 1
        assert batch == draw(step)
    assert len({tuple(draw(step)) for step in range(20)}) > 10


def test_a_batch_of_more_images_than_captions_is_filled_up() -> None:
    batch = Draw(pairs_of(["a"] * 5 + ["b"]), 6, seed=0)(0)
    assert sorted(batch) == list(range(6))


def test_equal_and_nearly_equal_captions_are_no_negatives() -> None:
    texts = [
        "One infected area, lower left lung.",
        "unilateral infection, left lower lobe",
        "One infected area, upper left lung.",
        "one round polyp",
        "One round polyp",
    ]
    everywhere = torch.ones(5, dtype=torch.bool)
    expected = torch.eye(5, dtype=torch.bool)
    expected[3, 4] = expected[4, 3] = True
    assert torch.equal(no_negatives(texts, everywhere, "equal"), expected)
    expected[0, 1] = expected[1, 0] = True
    assert torch.equal(no_negatives(texts, everywhere, "places"), expected)


def test_what_is_known_not_to_be_there_is_a_negative_whatever_is_said() -> None:
    found = no_negatives(["a", "a"], torch.tensor([True, False]), "equal")
    assert found.tolist() == [[True, True], [False, False]]


def test_parts_are_those_of_the_image_and_what_is_absent_is_in_none() -> None:
    texts = [
        "a mass in the left upper zone",
        "a mass in the left upper zone",
        "a mass",
        "a mass",
        "a mass on the right",
    ]
    belong = torch.tensor([True, True, True, False, False])
    named, known = parts_of(texts, ["image", "patient", "image", None, "image"], belong)
    assert named[0].nonzero().tolist() == [[0, 0]] and named[1].nonzero().tolist() == [[0, 1]]
    assert not named[2:].any() and known.tolist() == [True, True, False, True, True]
