"""GDCM and CharLS in a process of their own.

Damaged images make the one end the process that it runs in, and the other run for as long as it likes.
"""

import atexit
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.scans.dicom.decoder_worker import receive, send

START_TIMEOUT = 60.0
"""Seconds in which the process must have started."""

TIMEOUT = 3.0
"""Seconds after which a small frame is given up."""

SLOWEST = 2_000_000
"""Pixels that take a second more."""


class DecoderProcess:
    """Unpacks frames, one at a time, in a process that is started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def unpack(self, packed: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], str]:
        """Unpack a compressed frame in the other process.

        Args:
            packed: as it is in the file.
            options: as pydicom's decoders take them; and ``names``, of the decoders to try.

        Returns:
            The stored values, and the photometric interpretation that they have now.

        Raises:
            ValueError: if it cannot be unpacked.
        """
        with self._lock:
            process = self._running()
            answer, data = self._ask(
                process, (options, packed), TIMEOUT + options["rows"] * options["columns"] / SLOWEST
            )
        if "error" in answer:
            raise ValueError(answer["error"])
        return np.frombuffer(data, answer["dtype"]).reshape(answer["shape"]), answer["photometric"]

    def _ask(
        self, process: subprocess.Popen[bytes], question: tuple[dict[str, Any], bytes] | None, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        assert process.stdin is not None and process.stdout is not None
        timer = threading.Timer(seconds, process.kill)
        timer.daemon = True
        timer.start()
        try:
            if question is not None:
                send(process.stdin, *question)
            return receive(process.stdout)
        except (EOFError, OSError) as error:
            self._end()
            raise ValueError("the decoder gave up") from error
        except BaseException:  # an interrupt between question and answer would leave the answer to the next
            self._end()
            raise
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():  # after a fork the pipes are the parent's
            self._process = None
        if self._process is None or self._process.poll() is not None:
            script = Path(__file__).with_name("decoder_worker.py")
            # -P: the folder of the script is not where its imports are looked for
            command = [sys.executable, "-P", str(script)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._owner = os.getpid()
            atexit.register(self._end)
            self._ask(self._process, None, START_TIMEOUT)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


DECODERS = DecoderProcess()
"""The one of this program."""
