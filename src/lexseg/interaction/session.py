"""Corrections of one mask, one after the other: said or drawn, undone, written down, played again."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from lexseg.errors import check_flags
from lexseg.interaction.apply import Done, NothingToDo, Refine, apply
from lexseg.interaction.operations import Control, Operation
from lexseg.interaction.parse import About, Misunderstood, Understood, parse
from lexseg.interaction.state import Mask, Side, State
from lexseg.language.sides import Laterality
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.words import Sides

if TYPE_CHECKING:
    from lexseg.predict.segmenter import ImageSession

KEPT_BYTES = 2**28
"""How much memory earlier states may take; those beyond it are made again from earlier ones when they are asked for."""
_FLAGS = ("wanted", "more", "grow", "keep")  # of operations
_SPACED = 50  # of so many states one is kept longer than the others
Look = Callable[[str | None], Segmentation]


@dataclass(frozen=True, slots=True)
class CorrectionEntry:
    """One correction. Attributes: operations: what was done; echo: the same in words."""

    operations: tuple[Operation, ...]
    echo: str


@dataclass(frozen=True, slots=True)
class Event:
    """What was said or drawn, in the order in which it came, whatever became of it.

    Attributes:
        said: the user's words; "" where it was drawn.
        act: what it came to: operations, or a control; ``None`` where nothing was changed.
        echo: what the user was told.
        mask: SHA-256 of the mask after it (:func:`digest`).
    """

    said: str
    act: tuple[Operation, ...] | Control | None
    echo: str
    mask: str


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What became of a correction.

    Attributes:
        done: whether anything was changed.
        echo: what was done, or why nothing was.
        mask: bool[H, W] as it is now.
        unknown: words that nobody knew.
    """

    done: bool
    echo: str
    mask: Mask
    unknown: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class CorrectionSession:
    """A mask that is corrected step by step. Not for several threads at once.

    Attributes:
        first: the state as the model gave it.
        look: asks the same image for something else.
        entries: the corrections, those that were undone among them until another one takes their place.
        at: how many of them hold now.
        accepted: whether the user has said that the mask is right as it is now.
        log: all that was said and drawn, what was undone or not understood as well.
        kept_bytes: of memory for earlier states; ``None`` is `KEPT_BYTES`.
        refine: answers clicks (:func:`lexseg.interaction.refining.refiner_of`); ``None``: no refiner.
    """

    first: State
    look: Look
    entries: list[CorrectionEntry] = field(default_factory=list)
    at: int = 0
    accepted: bool = False
    log: list[Event] = field(default_factory=list)
    kept_bytes: int | None = None
    refine: Refine | None = None
    _states: dict[int, State] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        image: "ImageSession",
        text: str | None = None,
        *,
        threshold: float | None = None,
        laterality: Laterality | None = None,
        anyway: bool = False,
        language: str | None = None,
        refine: Refine | None = None,
    ) -> "CorrectionSession":
        """Ask an image, and correct the answer.

        Args:
            image: of :meth:`lexseg.Segmenter.set_image`.
            text: what is looked for; this and the rest as in :meth:`ImageSession.segment`.
            threshold: probability from which on a pixel is found.
            laterality: whose left "left" is, in the sentence and in corrections.
            anyway: look also for what is not in the model's scope.
            language: of the sentence, and of other targets that are asked for; corrections are English.
            refine: answers clicks; ``None``: no refiner.

        Raises:
            TextError, ConfigError: as :meth:`ImageSession.segment`.
        """

        def look(sentence: str | None) -> Segmentation:
            return image.segment(sentence, threshold=threshold, laterality=laterality, anyway=anyway, language=language)

        session = cls.of(look(text), look, image.sides)
        session.refine = refine
        return session

    @classmethod
    def of(cls, said: Segmentation, look: Look, sides: Sides, *, kept_bytes: int | None = None) -> "CorrectionSession":
        """Correct an answer that a model has given.

        Args:
            said: the answer.
            look: asks the same image for something else.
            sides: of the image.
            kept_bytes: of memory for earlier states; those beyond it are made again when they are asked for.
        """
        return cls(State.of(said, left_of(said.laterality, sides)), look, kept_bytes=kept_bytes)

    @property
    def state(self) -> State:
        """The mask as all corrections up to here have made it."""
        return self._state(self.at)

    @property
    def mask(self) -> Mask:
        """bool[H, W] as it is now."""
        return self.state.mask

    @property
    def before(self) -> Mask:
        """bool[H, W] before the last correction that holds; the first mask where there is none."""
        return self._state(max(self.at - 1, 0)).mask

    @property
    def segmentation(self) -> Segmentation:
        """The answer with the mask as it is now: what is written to files."""
        return self.state.segmentation

    @property
    def history(self) -> list[str]:
        """What was done and holds, in words."""
        return [entry.echo for entry in self.entries[: self.at]]

    def correct(self, said: str) -> Reply:
        """Change the mask as a sentence says.

        A sentence is done as a whole or not at all. Words that are not understood change nothing and are named.

        Args:
            said: such as "a bit more generous", "not the part above the diaphragm", "drop the left one", "undo".

        Returns:
            what was done, in words, and the mask.

        Raises:
            LexSegError: where another target is asked for that cannot be asked (:class:`lexseg.errors.TextError`).
        """
        try:
            understood = self.understood(said)
        except Misunderstood as error:
            return self._refused(said, error)
        first = understood[0]
        if isinstance(first, Control):
            return self.control(first, said)
        return self.do([each for each in understood if not isinstance(each, Control)], said)

    def understood(self, said: str) -> Understood:
        """What a sentence would do here, without doing it.

        Raises:
            Misunderstood: it is no correction, or not surely.
        """
        last = self.entries[self.at - 1].operations[-1] if self.at else None
        state = self.state
        return parse(said, About(state.sentence, state.left, last))

    def do(self, operations: Sequence[Operation], said: str = "") -> Reply:
        """Do operations as one correction, such as a stroke of the brush.

        Args:
            operations: what is done; all of it or nothing.
            said: the user's words, if it was said.

        Raises:
            ConfigError: whether a stroke is wanted, for one, is told by no truth value.
        """
        for operation in operations:
            check_flags(**{name: getattr(operation, name) for name in _FLAGS if hasattr(operation, name)})
        try:
            done = self._applied(self.state, operations)
        except NothingToDo as error:
            return self._refused(said, error)
        del self.entries[self.at :]
        self._states = {number: state for number, state in self._states.items() if number <= self.at}
        self.entries.append(CorrectionEntry(tuple(operations), done.echo))
        self.at += 1
        self.accepted = False
        self._keep(self.at, done.state)
        return self._done(said, tuple(operations), done.echo)

    def undo(self, times: int = 1) -> Reply:
        """Take back corrections: the mask is pixel by pixel what it was before."""
        return self.control(Control("undo", times))

    def redo(self, times: int = 1) -> Reply:
        """Do again what was undone."""
        return self.control(Control("redo", times))

    def control(self, control: Control, said: str = "") -> Reply:
        """Undo, redo, go back to the first mask, do the same again, accept."""
        if control.do == "repeat":
            if not self.at:
                return self._refused(said, NothingToDo("there is nothing to be done again"))
            return self.do(self.entries[self.at - 1].operations, said)
        try:
            echo = self._controlled(control)
        except NothingToDo as error:
            return self._refused(said, error)
        self.accepted = control.do == "accept"
        return self._done(said, control, echo)

    # --- inside ---------------------------------------------------------------------------

    def _controlled(self, control: Control) -> str:
        if control.do == "accept":
            return "accepted"
        if control.do == "reset":
            if not self.at:
                raise NothingToDo("this is the first mask already")
            number, self.at = self.at, 0
            return f"back to the first mask; 'redo {number}' does the {_corrections(number)} again"
        to = min(max(self.at + (control.times if control.do == "redo" else -control.times), 0), len(self.entries))
        if to == self.at:
            raise NothingToDo(f"there is nothing to {control.do}")
        touched = self.entries[min(to, self.at) : max(to, self.at)]
        self.at = to
        what = touched[0].echo if len(touched) == 1 else _corrections(len(touched))
        return f"{'undone' if control.do == 'undo' else 'done again'}: {what}"

    def _done(self, said: str, act: tuple[Operation, ...] | Control, echo: str) -> Reply:
        mask = self.mask
        self.log.append(Event(said, act, echo, digest(mask)))
        return Reply(True, echo, mask)

    def _refused(self, said: str, why: Misunderstood | NothingToDo) -> Reply:
        mask = self.mask
        self.log.append(Event(said, None, str(why), digest(mask)))
        return Reply(False, str(why), mask, why.unknown if isinstance(why, Misunderstood) else ())

    def _applied(self, state: State, operations: Sequence[Operation]) -> Done:
        told: list[str] = []
        for operation in operations:
            done = apply(state, operation, self.look, self.refine)
            state, told = done.state, [*told, done.echo]
        return Done(state, "; ".join(told))

    def _state(self, number: int) -> State:
        """The state after so many corrections: kept, or made again, which gives the same."""
        if number == 0:
            return self.first
        if number not in self._states:
            known = max((n for n in self._states if n < number), default=0)
            state = self._state(known)
            for entry in self.entries[known:number]:
                state = self._applied(state, entry.operations).state
            self._keep(number, state)
        return self._states[number]

    def _keep(self, number: int, state: State) -> None:
        self._states[number] = state
        most = max(4, (KEPT_BYTES if self.kept_bytes is None else self.kept_bytes) // max(state.evidence.nbytes, 1))
        while len(self._states) > most:
            others = [n for n in self._states if n != number]
            spare = [n for n in others if n % _SPACED] or others
            del self._states[min(spare)]


def left_of(laterality: Literal["image", "patient"] | None, sides: Sides) -> Side:
    """The side of the picture that the user's "left" is.

    Args:
        laterality: whose left it is; ``None``, where nobody says, is the picture's.
        sides: of the picture. One that does not say hangs as usual, the patient's left at its right.
    """
    if laterality != "patient":
        return "left"
    return sides.patient_left or "right"


def digest(mask: Mask) -> str:
    """SHA-256 of a mask, bool[H, W], and its size."""
    return hashlib.sha256(repr(mask.shape).encode() + np.packbits(mask).tobytes()).hexdigest()


def _corrections(number: int) -> str:
    return "one correction" if number == 1 else f"{number} corrections"
