"""No warnings while files are read: those of pydicom quote the header, and with it the patient."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()


class _NotWhileReading(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_here, "depth", 0)


class _NoWarnings:
    """Python's filter of warnings is one for all threads: the first to read sets it, the last sets it back."""

    def __init__(self) -> None:
        self._lock, self._readers = threading.Lock(), 0
        self._saved: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0 and self._saved is not None:
                self._saved.__exit__(None, None, None)


_filter = _NotWhileReading()
_no_warnings = _NoWarnings()


@contextmanager
def quiet() -> Iterator[None]:
    """Neither warnings nor log lines of the readers, in this thread. What matters is checked, and told in notes."""
    for name in ("pydicom", "nibabel.global"):
        logging.getLogger(name).addFilter(_filter)  # added once, however often
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        with _no_warnings:
            yield
    finally:
        _here.depth -= 1
