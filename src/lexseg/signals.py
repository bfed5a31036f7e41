"""Ending in good order when the process is told to."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def sigterm_raises(leave: Callable[[int], BaseException]) -> Iterator[None]:
    """Take SIGTERM as an exception while the block runs, so that what it has begun is ended and removed.

    Outside the main thread nothing changes: whoever runs us there listens.

    Args:
        leave: makes the exception, from the signal's number.
    """

    def interrupt(number: int, frame: object) -> None:
        raise leave(number)

    try:
        previous = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
