"""What a correction is about, and the errors of one that is not understood."""

from dataclasses import dataclass
from typing import Literal, NoReturn

from lexseg.errors import LexSegError
from lexseg.interaction.operations import Control, Operation, Region

Understood = tuple[Operation | Control, ...]


class Misunderstood(LexSegError):
    """A sentence that is no correction, or not one that is sure: nothing is changed.

    Attributes:
        unknown: its words that nobody knows.
    """

    def __init__(self, message: str, unknown: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.unknown = unknown


class NoPlace(Misunderstood):
    """Something is to be added or taken away, and no place is named: "take it out".

    Attributes:
        wanted: whether it is to be added.
    """

    def __init__(self, wanted: bool) -> None:
        super().__init__("say where, such as 'at the top', 'in the left lower zone' or 'the left one'")
        self.wanted = wanted


class OnlyTold(Misunderstood):
    """A place is named, and nothing is asked of it: "the apex is included".

    Attributes:
        region: the place.
    """

    def __init__(self, region: Region, why: str = "is that to stay, or to go? say 'keep only ...' or 'remove'") -> None:
        super().__init__(why)
        self.region = region


@dataclass(frozen=True, slots=True)
class About:
    """What a correction is about.

    Attributes:
        sentence: that the mask was asked with.
        left: the side of the picture that the user's "left" is.
        last: what was done last; "more" goes on with it.
    """

    sentence: str | None = None
    left: Literal["left", "right"] = "left"
    last: Operation | None = None


def unclear() -> NoReturn:
    """Refuse what could mean two things.

    Raises:
        Misunderstood: always.
    """
    raise Misunderstood("it is not clear what is meant; say it in other words, one thing at a time")
