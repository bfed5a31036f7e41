"""The processes that read uploads: kept ready, given one upload at a time, killed when they are late."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from lexseg.server.refusal import Refusal, disk_full
from lexseg.server.settings import Settings

_log = logging.getLogger("lexseg.server")
_SECRETS = ("LEXSEG_", "TOKEN", "PASSWORD", "SECRET", "CREDENTIAL")
_START = 60.0  # seconds for a reader to import what it needs, on a busy machine
_LINE = 16_000_000  # bytes: the longest answer
_RATE = 1_000_000  # bytes that a reader is given a second for


class ReaderFailed(Exception):
    """A reader died, or was late. Attributes: late: which of the two."""

    def __init__(self, late: bool) -> None:
        super().__init__("late" if late else "died")
        self.late = late


class ReaderProcess:
    """One process that reads (`lexseg.server.reader`)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, memory: int, scratch: Path) -> "ReaderProcess":
        """Start a process that reads uploads, without the server's secrets in its environment.

        Args:
            memory: bytes that it may take.
            scratch: folder for its temporary files.
        """
        kept = {name: value for name, value in os.environ.items() if not any(s in name.upper() for s in _SECRETS)}
        # one thread each: a thread's stack counts as memory, and the processors are the model's
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "lexseg.server.reader", str(memory),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE, cwd=scratch,
            start_new_session=True, env=kept | threads | {"TMPDIR": str(scratch), "MALLOC_ARENA_MAX": "2"},
        )  # fmt: skip
        reader = cls(process)
        try:
            await asyncio.wait_for(reader._line(), _START)
        except TimeoutError:
            reader.kill()
            raise ReaderFailed(late=True) from None
        return reader

    async def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Have it do something.

        Raises:
            ReaderFailed: if it dies or is late; it is gone then.
        """
        assert self._process.stdin is not None
        try:
            async with asyncio.timeout(seconds):
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                await self._process.stdin.drain()
                while "frame" in (answer := await self._line()):
                    pass
                return answer
        except TimeoutError:
            raise ReaderFailed(late=True) from None
        except (OSError, ValueError) as error:
            raise ReaderFailed(late=False) from error

    @property
    def pid(self) -> int:
        """The id of the reader's process."""
        return self._process.pid

    def kill(self) -> None:
        """End it, and what it has started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until it has ended, and let go of its pipes."""
        await self._process.wait()
        # nothing else closes them, and they outlive the event loop
        self._process._transport.close()  # type: ignore[attr-defined]

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise ReaderFailed(late=False)
        answer: dict[str, Any] = json.loads(line)
        return answer


class Intake:
    """Readers, as many as the settings say."""

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self._settings, self._scratch = settings, scratch
        self._idle: asyncio.Queue[ReaderProcess] = asyncio.Queue()
        self._alive: set[ReaderProcess] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self.failures = 0

    async def start(self) -> None:
        """Start the readers' processes before the first upload needs one."""
        await asyncio.gather(*(self._add() for _ in range(self._settings.readers)))

    async def stop(self) -> None:
        """End the processes of all readers."""
        for task in self._starting:
            task.cancel()
        for reader in self._alive:
            reader.kill()
        await asyncio.gather(*(reader.gone() for reader in self._alive))

    @property
    def pids(self) -> list[int]:
        """The process ids of all readers that run."""
        return [reader.pid for reader in self._alive]

    async def do(self, request: dict[str, Any], size: int = 0) -> Any:
        """Have a reader do something.

        Args:
            request: as the reader's functions say.
            size: bytes of the upload; much takes longer.

        Returns:
            what the reader says.

        Raises:
            Refusal: if it says that the upload cannot be used, or fails over it.
        """
        async with self._reader() as reader:
            answer = await reader.ask(request, max(self._settings.times.read, size / _RATE))
        if "errno" in answer:
            unread = Refusal(422, "unreadable", "the file cannot be read: it is damaged, or of an unknown kind")
            raise disk_full(OSError(answer["errno"], "")) or unread
        if "too_large" in answer:
            raise Refusal(413, "too_large", answer["too_large"])
        if "refused" in answer:
            raise Refusal(422, "unreadable", answer["refused"])
        return answer["done"]

    @contextlib.asynccontextmanager
    async def _reader(self) -> AsyncIterator[ReaderProcess]:
        try:
            reader = await asyncio.wait_for(self._idle.get(), self._settings.times.answer)
        except TimeoutError:
            raise Refusal(503, "busy", "too many uploads wait to be read; send it again later", retry=10) from None
        try:
            yield reader
        except BaseException as error:
            # a client that left in the middle leaves a reader that is busy with what nobody wants
            self._replace(reader)
            if not isinstance(error, ReaderFailed):
                raise
            self.failures += 1
            if error.late:
                raise Refusal(
                    422, "too_slow", "reading it took too long, and was given up; is the file damaged?"
                ) from None
            raise Refusal(
                422, "unreadable", "its reader failed over it: the file is damaged, or made to do harm"
            ) from None
        else:
            self._idle.put_nowait(reader)

    def _replace(self, reader: ReaderProcess) -> None:
        reader.kill()
        self._alive.discard(reader)
        for work in (self._add(), reader.gone()):
            task = asyncio.get_running_loop().create_task(work)
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _add(self) -> None:
        while True:
            try:
                reader = await ReaderProcess.start(self._settings.limits.reader_bytes, self._scratch)
                break
            except ReaderFailed:
                _log.error("a process that reads uploads does not start; trying again")
                await asyncio.sleep(1)
        self._alive.add(reader)
        self._idle.put_nowait(reader)
