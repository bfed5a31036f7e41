"""What was heard waits until it is confirmed."""

from dataclasses import dataclass

from lexseg.interaction.parse import Misunderstood
from lexseg.interaction.session import CorrectionSession

YES = frozenset({"yes", "yeah", "yep", "yes please", "ok", "okay", "do it", "go ahead"})
NO = frozenset({"no", "nope", "no thanks", "cancel", "never mind"})
STOP = frozenset({"quit", "stop listening"})


@dataclass(frozen=True, slots=True)
class Dictated:
    """What became of it. Attributes: told: what the user is shown; do: a sentence that is to be done now, or ""."""

    told: str
    do: str = ""


@dataclass(slots=True, eq=False)
class Dictation:
    """Shows what was heard, and has it done only after a "yes".

    What the session would not understand is said so at once and does not wait. Anything but "yes" and "no" takes the
    place of what waits.

    Attributes:
        session: that is corrected.
        waiting: what was heard last and is not confirmed; "" where nothing waits.
    """

    session: CorrectionSession
    waiting: str = ""

    def hear(self, words: str) -> Dictated:
        """Take what a recogniser heard, or a spoken answer."""
        said = cleaned(words)
        answer = said.casefold()
        if not said:
            waits = f'; "{self.waiting}" still waits for yes or no' if self.waiting else ""
            return Dictated(f"nothing was heard{waits}")
        if answer in YES | NO:
            waited, self.waiting = self.waiting, ""
            if not waited:
                return Dictated(f'heard: "{said}", but nothing waits for an answer')
            return Dictated(f"> {waited}", waited) if answer in YES else Dictated(f'dropped: "{waited}"')
        self.waiting = ""
        try:
            self.session.understood(said)
        except Misunderstood as error:
            return Dictated(f'heard: "{said}"; not done: {error}')
        self.waiting = said
        return Dictated(f'heard: "{said}"; is that to be done? (yes or no)')


def cleaned(words: str) -> str:
    """One line without the marks that recognisers end a sentence with."""
    return " ".join(words.split()).strip(" .,;:!?…")
