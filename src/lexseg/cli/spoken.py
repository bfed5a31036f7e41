"""Progress where the output is no terminal: a line now and then, in place of a bar that would fill a log."""

import sys
import time
from collections.abc import Callable

EVERY = 30.0
"""Seconds between two lines; shorter work says nothing."""


class SpokenProgress:
    """Says ``scoring: 120 of 600 (20 %), 45 s``, to the standard error output, no more than twice a minute.

    Args:
        what: is going on.
        clock: seconds, from any beginning.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._clock = what, clock
        self._began = self._last = clock()

    def __call__(self, done: int, total: int | None) -> None:
        """So many of all (``None`` where that is not known) are done."""
        now = self._clock()
        if now - self._last < EVERY:
            return
        self._last = now
        share = f" of {total:,} ({done / total:.0%})" if total else ""
        print(f"{self._what}: {done:,}{share}, {now - self._began:.0f} s", file=sys.stderr, flush=True)
