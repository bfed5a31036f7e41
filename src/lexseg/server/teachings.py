"""The targets that are being taught, in memory, and how long they stay."""

import asyncio
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lexseg.server.refusal import Refusal

if TYPE_CHECKING:
    from lexseg.fewshot.fit import Teacher
    from lexseg.fewshot.seen import Seen

TAUGHT = "taught"
"""What a model that was taught is called in results."""
MOST, MOST_IMAGES = 8, 20
"""Teachings at a time, the one left alone longest goes first; and images of one."""


@dataclass(slots=True, eq=False)
class Teaching:
    """A target that is being taught.

    Attributes:
        id: what it is called; not to be guessed.
        teacher: with the model that is fitted; made at the first image.
        seen: what heads work on, of each image.
        left_out: as of the answer.
        used: when it was last asked for, on the monotonic clock.
        busy: a lock: one request at a time changes or asks it.
    """

    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    teacher: "Teacher | None" = None
    seen: "list[Seen]" = field(default_factory=list)
    left_out: float | None = None
    used: float = field(default_factory=time.monotonic)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def told(self) -> dict[str, Any]:
        """As plain JSON values."""
        left_out = None if self.left_out is None else round(self.left_out, 4)
        return {"id": self.id, "images": len(self.seen), "left_out": left_out}


class Teachings:
    """All targets that are being taught.

    Args:
        idle: after how many seconds one that nobody asks for is forgotten.
    """

    def __init__(self, idle: float) -> None:
        self._idle = idle
        self._all: OrderedDict[str, Teaching] = OrderedDict()

    def new(self) -> Teaching:
        """Begin a target to be taught; the oldest is forgotten where there are too many."""
        self._forget()
        made = Teaching()
        self._all[made.id] = made
        while len(self._all) > MOST:
            self._all.popitem(last=False)
        return made

    def get(self, id_: str) -> Teaching:
        """One that there is, which counts as used now.

        Raises:
            Refusal: if there is none of that id.
        """
        self._forget()
        if id_ not in self._all:
            raise Refusal(
                404, "no_such_teaching", "there is no such teaching: it was closed or idle for too long, or newer ones "
                "took its place; teach it again",
            )  # fmt: skip
        self._all.move_to_end(id_)
        found = self._all[id_]
        found.used = time.monotonic()
        return found

    def close(self, id_: str) -> None:
        """Forget a target that was taught, with its examples."""
        self.get(id_)
        del self._all[id_]

    def _forget(self) -> None:
        for id_ in [i for i, each in self._all.items() if time.monotonic() - each.used > self._idle]:
            del self._all[id_]
