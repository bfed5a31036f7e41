"""What became of jobs, on disk: ids and states, nothing else. It outlives a server that is killed."""

import contextlib
import fcntl
import json
import logging
import os
from pathlib import Path
from typing import IO

from lexseg.files import replace_file

_log = logging.getLogger("lexseg.server")
OPEN = ("queued", "running")
_KEPT = 1000  # jobs that are remembered


class Journal:
    """A line of JSON for each change of a job's state.

    Args:
        folder: where it lies; ``None`` keeps none.
        port: of the server, as several may share a folder.
    """

    def __init__(self, folder: Path | None, port: int) -> None:
        self.before: dict[str, str] = {}
        self._file: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None
        if folder is None:
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"jobs-{port}.jsonl"
        self._lock = open(folder / f"jobs-{port}.lock", "wb")  # noqa: SIM115 - held until the server ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _log.warning("another server keeps the journal in %s: this one keeps none; give --state", path)
            return
        self.before = _ended(_read(path))
        self._path, self._states = path, dict(self.before)
        self._rewrite()

    def write(self, id_: str, state: str) -> None:
        """Note a job's state, and see to it that it is on the disk; what cannot be noted is told to the log."""
        if self._file is None:
            return
        self._states.pop(id_, None)
        self._states[id_] = state
        try:
            self._file.write(_line(id_, state))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._lines += 1
            if self._lines > 10 * _KEPT:
                self._rewrite()
        except OSError as error:  # a full disk: the work goes on
            _log.warning("the journal of jobs could not be written: %s", error.strerror)

    def _rewrite(self) -> None:
        """Keep a line for each of the last jobs, and no other."""
        # those at work are the last ones: far fewer wait than are remembered
        self._states = dict(list(self._states.items())[-_KEPT:])
        replace_file(self._path, b"".join(_line(id_, state) for id_, state in self._states.items()))
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = open(self._path, "ab")  # noqa: SIM115
        self._lines = len(self._states)

    def close(self) -> None:
        """Let go of the files."""
        for file in (self._file, self._lock):
            if file is not None:
                with contextlib.suppress(OSError):  # what a full disk would not take
                    file.close()
        self._file = self._lock = None


def _line(id_: str, state: str) -> bytes:
    return json.dumps({"id": id_, "state": state}).encode() + b"\n"


def _read(path: Path) -> dict[str, str]:
    states: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):  # the last line may be cut short
                entry = json.loads(line)
                states[str(entry["id"])] = str(entry["state"])
    return states


def _ended(states: dict[str, str]) -> dict[str, str]:
    """The last jobs, of which those that were at work are interrupted now."""
    last = list(states.items())[-_KEPT:]
    return {id_: "interrupted" if state in OPEN else state for id_, state in last}
