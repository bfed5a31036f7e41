"""The server's own reading process, given one damaged file after the other and watched: time, memory, how it ends."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load import family

SLOWEST = 5.0
"""Seconds for one file, by the clock of its processes: a busy machine may take longer."""
PATIENCE = 30.0
"""Seconds by the clock on the wall after which a reader is ended."""
MEMORY = 2 << 30
"""Bytes that a reader may take; with the decoder that it starts, never more than twice as much."""
_UNFORESEEN = "the file cannot be read ("


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        what: ``read``, ``refused`` or ``too large``.
        fault: what must not have happened, if something did.
        seconds: of processor time.
        memory: the most bytes that the reader and its decoder held in RAM.
        said: what the reader said.
    """

    what: str
    fault: str | None
    seconds: float
    memory: int
    said: Any = None


class Watched:
    """A reader; a new one takes its place when it has died.

    Args:
        folder: for its files; empty.
        memory: bytes that it may take.
    """

    def __init__(self, folder: Path, memory: int = MEMORY) -> None:
        self._folder, self._memory = folder, memory
        self._job, self._scratch = folder / "job", folder / "scratch"
        self._job.mkdir()
        self._scratch.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._process = None

    def read(self, data: bytes) -> Outcome:
        """Have it read a file."""
        process = self._running()
        assert process.stdin is not None
        (self._job / "upload").write_bytes(data)
        request = {"do": "read", "folder": str(self._job), "upload": "upload"}
        request |= {"series": None, "channel": None, "modality": None}
        began = _seconds(process.pid)
        _forget_peak(process.pid)
        process.stdin.write(json.dumps(request | {"pixels": 64_000_000, "voxels": 512_000_000}).encode() + b"\n")
        process.stdin.flush()
        answer = self._answer(process)
        seconds, memory = _seconds(process.pid) - began, _peak(process.pid)
        fault = self._fault(process, answer, seconds, memory)
        if answer is None:
            self.close()
        self._empty()
        what = "read" if answer and "done" in answer else "refused" if answer and "refused" in answer else "too large"
        return Outcome(what, fault, seconds, memory, answer)

    def _fault(
        self, process: "subprocess.Popen[bytes]", answer: dict[str, Any] | None, seconds: float, memory: int
    ) -> str | None:
        if answer is None:
            code = process.poll()
            return f"no answer in {PATIENCE:g} s" if code is None else f"ended with {code}"
        if "not JSON" in answer:
            return f"what it says is no JSON: {answer['not JSON']}"
        if seconds > SLOWEST:
            return f"took {seconds:.1f} s"
        if memory > 2 * self._memory:
            return f"took {memory / 1e6:.0f} MB"
        message = answer.get("refused", "")
        if message.startswith(_UNFORESEEN):
            return message
        if "refused" in answer and (not message.startswith("upload") or str(self._folder) in message):
            return f"a message that does not name the file, or where it lies: {message}"
        if left := sorted(path.name for path in self._scratch.iterdir()):
            return f"left behind: {left}"
        return None

    def _answer(self, process: "subprocess.Popen[bytes]") -> dict[str, Any] | None:
        assert process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([process.stdout], [], [], left)[0]:
                break
            line = process.stdout.readline()
            if not line:
                process.wait()
                return None
            try:
                answer: dict[str, Any] = json.loads(line, parse_constant=_refuse)
            except ValueError as error:
                return {"not JSON": f"{error}: {line[:300]!r}"}
            if "frame" not in answer:
                return answer
        return None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            environment = os.environ | {"TMPDIR": str(self._scratch), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lexseg.server.reader", str(self._memory)], bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=environment,
                cwd=self._scratch,
            )  # fmt: skip
            if self._answer(self._process) != {"ready": True}:
                raise RuntimeError("the reader does not start")
        return self._process

    def _empty(self) -> None:
        for folder in (self._job, self._scratch):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _refuse(word: str) -> None:
    raise ValueError(word)


def _seconds(pid: int) -> float:
    """Processor time of a process and its children, those that have ended too."""
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(value) for value in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
            total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return total


def _forget_peak(pid: int) -> None:
    for each in family(pid):
        with contextlib.suppress(OSError):
            Path(f"/proc/{each}/clear_refs").write_text("5")
