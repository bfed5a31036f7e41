"""What one request touches, gathered while it is answered, for the audit log."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

_now: ContextVar["Trail | None"] = ContextVar("trail", default=None)


@dataclass(slots=True)
class Trail:
    """What the audit trail notes of a request.

    Attributes:
        who: the name of the token; ``None`` where no token is asked for, or none was right.
        role: of who asks.
        address: where it comes from.
        image: SHA-256 of the upload that it is about.
        asked: the sentences, or what a report says.
    """

    who: str | None = None
    role: str | None = None
    address: str = ""
    image: str | None = None
    asked: list[str] = field(default_factory=list)


def begin() -> Trail:
    """A trail for the request that begins in this task."""
    trail = Trail()
    _now.set(trail)
    return trail


def identify(who: str | None, role: str | None) -> None:
    """Note who asks, and in which role."""
    if (trail := _now.get()) is not None:
        trail.who, trail.role = who, role


def about(image: str) -> None:
    """Note the image that the request is about, by the SHA-256 of its upload."""
    if (trail := _now.get()) is not None:
        trail.image = image


def asked(sentences: Sequence[str]) -> None:
    """Note the sentences that are asked."""
    if (trail := _now.get()) is not None:
        trail.asked = list(sentences)
