"""Sessions: exact undo, nothing lost, other targets, whose sides."""

import numpy as np
import pytest

import fakes
from lexseg.interaction import CorrectionSession
from lexseg.interaction import session as room
from lexseg.predict.words import Sides

SAID = [
    "bigger", "stricter", "larger on the left", "smooth it", "frobnicate", "only the largest", "also the top",
    "2 px smaller", "remove the left half", "more generous", "move it up a bit", "fill the holes",
]  # fmt: skip


@pytest.fixture
def session(sides):
    return CorrectionSession.start(sides.set_image(fakes.picture()), "bright left lung")


def test_it_begins_with_the_answer(sides, session):
    answer = sides.set_image(fakes.picture()).segment("bright left lung")
    assert np.array_equal(session.mask, answer.mask) and session.history == [] and session.at == 0


def test_a_correction_is_echoed_and_remembered(session):
    before = session.mask
    reply = session.correct("a bit larger")
    assert reply.done and "larger" in reply.echo and session.history == [reply.echo]
    assert np.array_equal(reply.mask, session.mask) and reply.mask.sum() > before.sum()
    assert np.array_equal(session.before, before)


def test_undo_is_exact_for_every_step_and_redo_leads_back(session):
    masks = [session.state.evidence]
    for said in SAID:
        if session.correct(said).done:
            masks.append(session.state.evidence)
    assert len(masks) > 7
    for wanted in reversed(masks[:-1]):
        assert session.correct("undo").done and np.array_equal(session.state.evidence, wanted)
    assert not session.correct("undo").done
    for wanted in masks[1:]:
        assert session.correct("redo").done and np.array_equal(session.state.evidence, wanted)
    assert not session.correct("redo").done


def test_undo_is_exact_also_where_earlier_states_are_no_longer_kept(session, monkeypatch):
    monkeypatch.setattr(room, "KEPT_BYTES", 0)
    masks = [session.state.evidence]
    for said in SAID * 3:
        if session.correct(said).done:
            masks.append(session.state.evidence)
    assert len(session._states) <= 4 < len(masks)
    for wanted in reversed(masks[:-1]):
        session.undo()
        assert np.array_equal(session.state.evidence, wanted)


def test_what_is_not_understood_changes_nothing_and_is_named(session):
    before = session.state
    reply = session.correct("frobnicate the left one")
    assert not reply.done and reply.unknown == ("frobnicate",) and session.state is before and session.at == 0


def test_of_two_things_both_are_done_or_none(session):
    before = session.state
    assert not session.correct("bigger, then drop the left one").done  # there is one part only
    assert session.state is before
    assert session.correct("bigger and smooth it").done and session.at == 1
    session.correct("undo")
    assert session.state is before


def test_a_new_correction_takes_the_place_of_what_was_undone(session):
    session.correct("bigger")
    session.correct("undo")
    session.correct("smaller")
    assert len(session.entries) == 1 and not session.correct("redo").done


def test_back_to_the_first_and_forth_again(session):
    first = session.mask
    session.correct("bigger")
    session.correct("more generous")
    last = session.mask
    session.correct("back to the first")
    assert np.array_equal(session.mask, first)
    session.correct("redo 2")
    assert np.array_equal(session.mask, last)


def test_again_does_the_same_once_more(session):
    session.correct("3 px larger")
    once = session.mask.sum()
    session.correct("again")
    assert session.mask.sum() > once and session.at == 2


def test_another_target_needs_no_second_look_at_the_image(sides, session):
    encoded = sides.model.encoded
    reply = session.correct("no, the other lung")
    assert reply.done and session.state.sentence == "bright right lung" and sides.model.encoded == encoded
    assert np.array_equal(reply.mask, sides.set_image(fakes.picture()).segment("bright right lung").mask)
    session.correct("undo")
    assert session.state.sentence == "bright left lung"


def test_accepting_ends_with_the_next_correction(session):
    session.correct("accept")
    assert session.accepted
    session.correct("bigger")
    assert not session.accepted
    session.correct("looks good")
    assert session.accepted
    session.correct("undo")
    assert not session.accepted


@pytest.mark.parametrize(
    ("laterality", "patient_left", "gone"),
    [("image", None, 0), ("patient", None, 1), ("patient", "left", 0), (None, "right", 1)],
)
def test_sides_follow_the_sessions_laterality(sides, laterality, patient_left, gone):
    image = fakes.picture()
    image[30:60, 110:150] = 1
    looked = sides.set_image(image)
    looked.sides = Sides(patient_left, headed=patient_left is not None)
    session = CorrectionSession.start(looked, "bright", laterality=laterality)
    halves = [np.s_[:, :80], np.s_[:, 80:]]
    assert all(session.mask[half].any() for half in halves)
    assert session.correct("drop the left one").done
    assert not session.mask[halves[gone]].any() and session.mask[halves[1 - gone]].any()


@pytest.mark.slow
def test_ten_thousand_corrections(session, monkeypatch):
    monkeypatch.setattr(room, "KEPT_BYTES", 2**22)
    said = ["1 px larger", "move it up by 1 px", "1 px smaller", "move it down by 1 px"]
    for number in range(10_000):
        assert session.correct(said[number % 4]).done
    assert session.at == 10_000 and len(session.log) == 10_000
    first = session.first.mask
    session.correct("back to the first")
    assert np.array_equal(session.mask, first)
