"""The bundled model listens to words that it was not trained on. ``lexseg evaluate`` measures the same on all films."""

from pathlib import Path

import pytest

import kept_apart
from lexseg.inference.segmenter import Segmenter

# what is asked of the model on a twentieth of the validation films; on all of them it must reach a little more
FOLLOW, DICE, EMPTY, REFUSED, SPREAD = 0.93, 0.75, 0.08, 0.35, 0.05


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.from_pretrained("default", device="cpu")


@pytest.mark.slow
@pytest.mark.data
def test_words_kept_apart_from_training_decide(segmenter: Segmenter, data_root: Path) -> None:
    found = kept_apart.measure(segmenter, data_root, every=20)
    assert found.n["one_lung"] > 100 and found.n["healthy_lung"] > 20
    assert found.follow >= FOLLOW
    assert found.dice >= DICE
    assert found.empty <= EMPTY
    assert found.refused >= REFUSED
    assert found.spread <= SPREAD


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("group", ["misspelt", "negation"])
def test_misspelt_words_and_negated_halves_are_understood(segmenter: Segmenter, data_root: Path, group: str) -> None:
    found = kept_apart.measure(segmenter, data_root, every=240, texts=kept_apart.of_group(group))
    assert found.follow >= FOLLOW - 0.05
    assert found.empty <= 2 * EMPTY


@pytest.mark.slow
@pytest.mark.data
def test_contradictions_are_mostly_not_found(segmenter: Segmenter, data_root: Path) -> None:
    found = kept_apart.measure(segmenter, data_root, every=240, texts=kept_apart.of_group("contradictions"))
    assert found.empty >= 0.5
