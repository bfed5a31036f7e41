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


_filter = _NotWhileReading()


@contextmanager
def quiet() -> Iterator[None]:
    """Neither warnings nor log lines of the readers, in this thread. What matters is checked, and told in notes."""
    for name in ("pydicom", "nibabel.global"):
        logging.getLogger(name).addFilter(_filter)  # added once, however often
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _here.depth -= 1
