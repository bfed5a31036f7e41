"""One image, corrected command by command."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lexseg.evaluation.interactive.sentences import any_wish, say
from lexseg.evaluation.interactive.user import User
from lexseg.interaction.operations import Point
from lexseg.interaction.session import CorrectionSession
from lexseg.interaction.state import Mask, State
from lexseg.metrics.overlap import dice

Player = Callable[[CorrectionSession, Mask, int, np.random.Generator], "Trace"]
WRONG = 0.2
"""How often the noisy user says something that does not fit."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one image.

    Attributes:
        dice: before the first command and after each, 0..1; once the user has nothing more to say it stays.
        helped: of each command that was said, whether it raised Dice; what takes a step back is not counted.
        seconds: of each command.
        not_understood: how many commands were not.
    """

    dice: tuple[float, ...]
    helped: tuple[bool, ...] = ()
    seconds: tuple[float, ...] = ()
    not_understood: int = 0


class _Tally:
    def __init__(self, session: CorrectionSession, truth: Mask) -> None:
        self.session, self.truth = session, truth
        self.dice = [dice(session.mask, truth)]
        self.helped: list[bool] = []
        self.seconds: list[float] = []
        self.lost = 0

    def say(self, said: str, *, counts: bool = True) -> float:
        """Say something; the gain in Dice."""
        began = time.perf_counter()
        reply = self.session.correct(said)
        self.seconds.append(time.perf_counter() - began)
        self.lost += not reply.done and ("not understood" in reply.echo or "not clear" in reply.echo)
        return self.add(counts)

    def add(self, counts: bool = True) -> float:
        """Note Dice as it is now; the gain."""
        self.dice.append(dice(self.session.mask, self.truth))
        gain = self.dice[-1] - self.dice[-2]
        if counts:
            self.helped.append(gain > 0)
        return gain

    def trace(self, commands: int) -> Trace:
        dices = [*self.dice, *[self.dice[-1]] * commands][: commands + 1]
        return Trace(tuple(dices), tuple(self.helped), tuple(self.seconds), self.lost)


def by_words(session: CorrectionSession, truth: Mask, commands: int, rng: np.random.Generator) -> Trace:
    """The simulated user: names the largest error, looks, takes back what made it worse, and goes on."""
    return _talk(session, truth, commands, rng, wrong=0.0)


def noisy(session: CorrectionSession, truth: Mask, commands: int, rng: np.random.Generator) -> Trace:
    """The same, who one time in five says anything at all, sees it, and says "undo"."""
    return _talk(session, truth, commands, rng, wrong=WRONG)


def _talk(session: CorrectionSession, truth: Mask, commands: int, rng: np.random.Generator, *, wrong: float) -> Trace:
    user, tally, worse = User(truth), _Tally(session, truth), False
    for _ in range(commands):
        if worse:
            tally.say("undo", counts=False)
            worse = False
            continue
        if wrong and rng.random() < wrong:
            before = session.at
            tally.say(say(any_wish(rng), session.state, rng))
            worse = session.at != before
            continue
        wish = user.wish(session.state)
        if wish is None:
            break
        before = session.at
        gain = tally.say(say(wish, session.state, rng))
        user.learn(wish, gain)
        worse = gain < -1e-4 and session.at != before
    return tally.trace(commands)


def at_random(session: CorrectionSession, truth: Mask, commands: int, rng: np.random.Generator) -> Trace:
    """Yardstick: any sentence of the same kinds, whatever is wrong."""
    tally = _Tally(session, truth)
    for _ in range(commands):
        tally.say(say(any_wish(rng), session.state, rng))
    return tally.trace(commands)


def at_random_undone(session: CorrectionSession, truth: Mask, commands: int, rng: np.random.Generator) -> Trace:
    """Yardstick: any sentence, taken back where it made things worse: what seeing the result alone is worth."""
    tally, worse = _Tally(session, truth), False
    for _ in range(commands):
        if worse:
            tally.say("undo", counts=False)
            worse = False
            continue
        before = session.at
        worse = tally.say(say(any_wish(rng), session.state, rng)) < 0 and session.at != before
    return tally.trace(commands)


def by_clicks(session: CorrectionSession, truth: Mask, commands: int, rng: np.random.Generator) -> Trace:
    """Yardstick: a click into the middle of the largest error, which only a hand on the picture can make."""
    tally = _Tally(session, truth)
    for _ in range(commands):
        point = _deepest(session.state, truth)
        if point is None:
            break
        began = time.perf_counter()
        session.do([point])
        tally.seconds.append(time.perf_counter() - began)
        tally.add()
    return tally.trace(commands)


def _deepest(state: State, truth: Mask) -> Point | None:
    mask = state.mask
    best, where, wanted = 0.0, None, True
    for missing, errors in ((True, truth & ~mask), (False, mask & ~truth)):
        padded = np.pad(errors, 1)
        depth = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
        if depth.max() > best:
            best, where, wanted = float(depth.max()), np.unravel_index(int(depth.argmax()), depth.shape), missing
    return None if where is None else Point(int(where[0]), int(where[1]), wanted)


def best_threshold(state: State, truth: Mask) -> float:
    """Yardstick: Dice at the threshold that suits this image best, which nobody knows without the truth.

    Args:
        state: as the model gave it.
        truth: bool[H, W].
    """
    order = np.argsort(-state.answer.probability, axis=None, kind="stable")
    values, hit = state.answer.probability.ravel()[order], truth.ravel()[order]
    found = np.cumsum(hit)
    number = np.arange(1, hit.size + 1)
    cut = np.append(values[1:] != values[:-1], True)  # pixels of one probability cross together
    scores = np.where(cut, 2 * found / (number + max(int(hit.sum()), 0)), 0)
    return max(float(scores.max(initial=0.0)), dice(state.mask, truth))
