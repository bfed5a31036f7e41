"""Wrong tokens are answered ever later, by address and by the name that they lay claim to; nobody is locked out.

A right token is looked up first and never waits, whatever others do from its address or under its name. What guards a
token is that it is long and made by chance; the delay keeps floods of guesses, and of their lines in logs, small.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FIRST, MOST = 0.1, 5.0  # seconds that one wrong token costs: the first one, and each of many
LONGEST = 15.0  # seconds that an answer is held back at most; who sends more at a time is told to wait by itself
FORGOTTEN = 600.0  # seconds without a wrong token
ENTRIES = 10_000
HELD = 64  # answers that are held back at a time, of all addresses together


@dataclass(slots=True)
class _Entry:
    wrong: int = 0
    free: float = 0.0
    last: float = 0.0


class Slowing:
    """How long the answers to wrong tokens are held back. For one thread.

    Args:
        clock: gives seconds that never go back.

    Attributes:
        held: answers that are held back now.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.held = 0
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def wrong(self, keys: Sequence[str]) -> tuple[bool, float]:
        """Note a wrong token.

        Each costs its keys twice the time of the one before, and several at a time queue.

        Args:
            keys: under which it is counted: the address, and the name if it claims one.

        Returns:
            whether its answer is to be held back, and for how many seconds. If not, the client is to be told at once
            to wait as long: more answers are held back for it than may be.
        """
        now = self._clock()
        entries = [self._entry(key, now) for key in keys]
        wait = max(max(entry.free - now, 0.0) + _cost(entry.wrong) for entry in entries)
        if wait > LONGEST or self.held >= HELD:
            return False, min(wait, LONGEST)
        for entry in entries:
            entry.wrong += 1
            entry.last, entry.free = now, now + wait
        return True, wait

    def _entry(self, key: str, now: float) -> _Entry:
        entry = self._entries.get(key)
        if entry is None or now - entry.last > FORGOTTEN:
            entry = self._entries[key] = _Entry(last=now)
        self._entries.move_to_end(key)
        while len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)
        return entry


def _cost(before: int) -> float:
    """Seconds that the next wrong token costs."""
    return min(MOST, FIRST * math.exp2(min(before, 30)))
