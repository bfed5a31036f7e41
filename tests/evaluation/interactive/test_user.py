"""The simulated user: what it says, that it is understood, and what it may not know."""

import re
from typing import get_args

import numpy as np
import pytest

from lexseg.evaluation.interactive import play
from lexseg.evaluation.interactive.sentences import _EVERYWHERE, _TEMPLATES, ANYWHERE, MIDDLES, PLACES, Wish, say
from lexseg.evaluation.interactive.user import User
from lexseg.interaction.operations import Amount, Clear, Components, Confidence, Cover, Shape, Spot
from lexseg.interaction.parse import About, parse
from lexseg.interaction.session import CorrectionSession
from lexseg.interaction.state import State
from lexseg.metrics.overlap import dice
from lexseg.predict.segmentation import Segmentation

ROWS, COLUMNS = np.mgrid[:64, :64]
MEANT = {
    "more": Confidence, "less": Confidence, "also": Cover, "elsewhere": Cover, "not": Cover, "drop": Components,
    "largest": Components, "fill": Shape, "smooth": Shape, "generous": Confidence, "strict": Confidence,
}  # fmt: skip
MORE = {"more": True, "generous": True, "less": False, "strict": False}


def disc(row, column, radius):
    return (ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= radius**2


def session_of(probability):
    answer = Segmentation(probability.astype(np.float32), 0.5, "lesion", laterality="image")
    return CorrectionSession(State.of(answer), lambda sentence: answer)


class Each:
    """Says every wording in turn."""

    def __init__(self, at):
        self.at = at

    def integers(self, most):
        return self.at % most


@pytest.mark.parametrize("left", ["left", "right"])
@pytest.mark.parametrize("kind", list(_TEMPLATES))
def test_every_sentence_means_what_was_wished(kind, left):
    state = State(np.zeros((4, 4), np.float32), 0.5, Segmentation(np.zeros((4, 4), np.float32), 0.5), left)
    for spot in (*PLACES, *MIDDLES) if kind in ("more", "less") else PLACES:
        for much in get_args(Amount) if kind in ("more", "less") else ("usual",):
            for at in range(4):
                said = say(Wish(kind, spot, much=much), state, Each(at))
                *before, done = parse(said, About("lesion", left))
                assert before == ([Clear()] if kind == "elsewhere" else []), said
                assert isinstance(done, MEANT[kind]), said
                if kind in MORE:
                    assert done.more is MORE[kind], said
                if kind in ("more", "less"):
                    assert done.amount == much and done.region.spots == (spot,), said
                if kind in ("also", "elsewhere", "not"):
                    assert done.wanted is (kind != "not") and done.region.spots == (spot,), said
                if kind == "drop":
                    assert not done.keep and done.spot == spot, said


@pytest.mark.parametrize("much", get_args(Amount))
@pytest.mark.parametrize("kind", list(_EVERYWHERE))
def test_a_word_about_the_whole_outline_names_no_place(kind, much):
    state = State(np.zeros((4, 4), np.float32), 0.5, Segmentation(np.zeros((4, 4), np.float32), 0.5))
    for at in range(3):
        said = say(Wish(kind, ANYWHERE, much=much), state, Each(at))
        assert parse(said, About("lesion")) == (Confidence(MORE[kind], much),), said


def test_no_sentence_holds_a_number_or_a_length():
    for templates in (*_TEMPLATES.values(), *_EVERYWHERE.values()):
        assert not any(re.search(r"\d|\bmm\b|pixel|per ?cent|row|column", each) for each in templates)


def test_names_the_largest_error_by_its_place():
    truth = disc(32, 32, 16)
    state = session_of(np.where(truth & (COLUMNS < 34), 0.9, 0.3)).state
    wish = User(truth).wish(state)
    assert wish.kind == "more" and wish.spot == Spot("right")
    state = session_of(np.where(truth | (disc(32, 32, 26) & (ROWS > 46)), 0.9, 0.1)).state
    wish = User(truth).wish(state)
    assert wish.kind in ("less", "not") and wish.spot.height == "lower"


def test_what_is_too_small_all_around_is_asked_for_everywhere():
    seen = np.exp(-((ROWS - 32) ** 2 + (COLUMNS - 32) ** 2) / 300)
    state = session_of(seen).state
    wish = User(disc(32, 32, 18)).wish(state)
    assert wish == Wish("more", ANYWHERE, much="fair")
    assert User(disc(32, 32, 11)).wish(state) == Wish("less", ANYWHERE, much="much")


def test_of_a_mask_that_is_somewhere_else_the_right_place_is_named():
    truth, seen = disc(14, 48, 8), disc(50, 12, 8)
    state = session_of(np.where(seen, 0.9, np.where(truth, 0.2, 0.1))).state
    wish = User(truth).wish(state)
    assert wish == Wish("elsewhere", Spot("right", "upper"), "image")
    session = CorrectionSession(state, lambda sentence: None)
    for at in range(3):
        session.correct(say(wish, state, Each(at)))
        assert dice(session.mask, truth) > 0.25 and not (session.mask & seen).any()
        session.undo()


def test_what_lies_between_top_and_bottom_is_called_the_middle():
    """A mask of the right height that bulges at its right: neither its upper nor its lower half is to be smaller."""
    truth = (ROWS >= 8) & (ROWS < 56) & (COLUMNS >= 12) & (COLUMNS < 36)
    bulge = (ROWS >= 25) & (ROWS < 39) & (COLUMNS >= 36) & (COLUMNS < 46)
    state = session_of(np.where(truth, 0.9, np.where(bulge, 0.6, 0.1))).state
    wish = User(truth).wish(state)
    assert wish.kind == "less" and wish.spot == Spot("right", "middle")
    assert "middle right" in say(wish, state, Each(0))


def test_where_nothing_is_there_an_empty_mask_is_right():
    state = session_of(np.full((64, 64), 0.1)).state
    assert User(np.zeros((64, 64), np.bool_)).wish(state) is None


def test_of_an_empty_mask_the_place_is_named():
    truth = disc(50, 48, 8)
    state = session_of(np.where(truth, 0.3, 0.1)).state
    assert User(truth).wish(state) == Wish("also", Spot("right", "lower"), "image")


def test_a_place_is_judged_as_a_whole():
    """The mask lies too low: on its left as much is missing as is too much, and more or less there helps nobody."""
    seen = np.where(disc(36, 32, 16), 0.9, 0.3)
    wishes = list(User(disc(28, 32, 16))._wishes(session_of(seen).state))
    asked = {(wish.kind, wish.spot.height) for wish in wishes if wish.kind in ("more", "less")}
    assert asked == {("more", "upper"), ("less", "lower"), ("less", "middle")}


@pytest.mark.parametrize("more", [True, False])
def test_a_step_of_the_size_that_is_asked_for_nearly_repairs_it(more):
    """Sizes are named as the steps are: a fifth more and then a fifth less is where one began."""
    small, large = disc(32, 32, 16), disc(32, 32, round(16 * 1.2**0.5))
    truth, mask = (large, small) if more else (small, large)
    state = session_of(np.where(mask, 0.9, 0.1)).state
    wish = next(w for w in User(truth)._wishes(state) if w.kind in ("more", "less"))
    assert wish.kind == ("more" if more else "less") and wish.much == "usual"


def test_what_did_not_help_is_not_said_again_until_something_helps():
    truth = disc(32, 32, 16)
    user, state = User(truth), session_of(np.where(truth & (COLUMNS < 34), 0.9, 0.3)).state
    first = user.wish(state)
    user.learn(first, 0.0)
    assert user.wish(state) != first
    user.learn(user.wish(state), 0.2)
    assert user.wish(state) == first


def test_a_right_mask_is_left_alone():
    truth = disc(32, 32, 16)
    assert User(truth).wish(session_of(np.where(truth, 0.9, 0.1)).state) is None


def test_words_lead_towards_the_truth_and_random_ones_do_not():
    rng = np.random.default_rng(0)
    gains = {"words": [], "random": []}
    for number in range(12):
        truth = disc(24 + number, 30, 12)
        seen = np.exp(-((ROWS - 28 - number) ** 2 + (COLUMNS - 33) ** 2) / 300) * rng.uniform(0.7, 1.0)
        for name, player in (("words", play.by_words), ("random", play.at_random)):
            trace = player(session_of(seen), truth, 5, np.random.default_rng(number))
            gains[name].append(trace.dice[-1] - trace.dice[0])
    assert np.mean(gains["words"]) > 0.05 and np.mean(gains["words"]) > np.mean(gains["random"]) + 0.05


def test_a_noisy_user_takes_back_what_was_wrong():
    truth = disc(30, 30, 12)
    seen = np.exp(-((ROWS - 33) ** 2 + (COLUMNS - 33) ** 2) / 300)
    for seed in range(8):
        trace = play.noisy(session_of(seen), truth, 11, np.random.default_rng(seed))
        assert max(trace.dice[-2:]) >= trace.dice[0] - 1e-9


def test_the_best_threshold_is_the_best_of_all_thresholds():
    rng = np.random.default_rng(0)
    truth = disc(30, 30, 12)
    seen = np.clip(truth * 0.3 + rng.random((64, 64)) * 0.6, 0, 1).astype(np.float32).round(2)
    state = session_of(seen).state
    each = [dice(seen >= t, truth) for t in np.unique(seen)]
    assert play.best_threshold(state, truth) == pytest.approx(max(each))
