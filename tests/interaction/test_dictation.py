"""What was heard acts only once it is confirmed."""

import numpy as np
import pytest

from lexseg.interaction import CorrectionSession
from lexseg.interaction.dictation import Dictation
from lexseg.interaction.state import State


@pytest.fixture
def dictation(state, never):
    return Dictation(CorrectionSession(state, never))


def test_what_was_heard_waits_for_a_yes_and_changes_nothing_before(dictation):
    heard = dictation.hear(" Only the largest. ")
    assert '"Only the largest"' in heard.told and not heard.do
    assert not dictation.session.log and dictation.session.at == 0
    assert dictation.hear("Yes.").do == "Only the largest" and not dictation.waiting


def test_no_drops_it(dictation):
    dictation.hear("only the largest")
    assert "dropped" in dictation.hear("No!").told
    assert not dictation.hear("yes").do


def test_another_sentence_takes_the_place_of_what_waits(dictation):
    dictation.hear("remove the left one")
    dictation.hear("remove the right one")
    assert dictation.hear("ok").do == "remove the right one"


def test_what_would_not_be_understood_is_said_so_at_once_and_does_not_wait(dictation):
    heard = dictation.hear("feel no fouls")
    assert "'fouls'" in heard.told and not dictation.waiting and not dictation.session.log


def test_a_sentence_misheard_drops_what_waited_before(dictation):
    """Else a "yes" to what was shown last would do what was shown before."""
    dictation.hear("remove the left one")
    dictation.hear("feel no fouls")
    assert not dictation.hear("yes").do


def test_silence_leaves_waiting_what_waits(dictation):
    dictation.hear("smooth it")
    assert '"smooth it" still waits' in dictation.hear("  ").told
    assert dictation.hear("yes").do == "smooth it"


def test_no_followed_by_a_correction_is_a_correction(state):
    asked = []

    def look(sentence):
        asked.append(sentence)
        return state.answer

    dictation = Dictation(CorrectionSession(state, look))
    assert not dictation.hear("no, the other side").do and not asked
    assert dictation.session.correct(dictation.hear("yes").do).done and asked == ["opacity in the right lung"]


def test_understanding_does_nothing(state, never):
    session = CorrectionSession(State.of(state.answer), never)
    before = session.mask.copy()
    session.understood("fill the holes")
    assert np.array_equal(session.mask, before) and not session.entries and not session.log
