"""The bundled models listen to words that they were not trained on; ``lexseg evaluate`` measures it on all films."""

from dataclasses import dataclass
from pathlib import Path

import pytest

import kept_apart
from lexseg.predict.segmenter import Segmenter


@dataclass(frozen=True)
class Bar:
    """What is asked of a model on a part of the validation films; on all of them it reaches a little more."""

    follow: float
    dice: float
    empty: float
    refused: float
    spread: float


BARS = {
    "chest": Bar(follow=0.93, dice=0.76, empty=0.07, refused=0.35, spread=0.02),
    "default": Bar(follow=0.88, dice=0.71, empty=0.12, refused=0.58, spread=0.03),
}


@pytest.fixture(scope="module", params=sorted(BARS))
def bar(request: pytest.FixtureRequest) -> Bar:
    return BARS[request.param]


@pytest.fixture(scope="module")
def segmenter(request: pytest.FixtureRequest, bar: Bar) -> Segmenter:
    return Segmenter.from_pretrained(next(name for name, each in BARS.items() if each is bar), device="cpu")


@pytest.mark.slow
@pytest.mark.data
def test_words_kept_apart_from_training_decide(segmenter: Segmenter, bar: Bar, data_root: Path) -> None:
    found = kept_apart.measure(segmenter, data_root, every=20)
    assert found.n["one_lung"] > 100 and found.n["healthy_lung"] > 20
    assert found.follow >= bar.follow
    assert found.dice >= bar.dice
    assert found.empty <= bar.empty
    assert found.refused >= bar.refused
    assert found.spread <= bar.spread


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("group", ["misspelt", "negation"])
def test_misspelt_words_and_negated_halves_are_understood(
    segmenter: Segmenter, bar: Bar, data_root: Path, group: str
) -> None:
    found = kept_apart.measure(segmenter, data_root, every=240, texts=kept_apart.of_group(group))
    assert found.follow >= bar.follow - 0.05
    assert found.empty <= 2 * bar.empty


@pytest.mark.slow
@pytest.mark.data
def test_contradictions_are_mostly_not_found(segmenter: Segmenter, data_root: Path) -> None:
    found = kept_apart.measure(segmenter, data_root, every=240, texts=kept_apart.of_group("contradictions"))
    assert found.empty >= 0.5
