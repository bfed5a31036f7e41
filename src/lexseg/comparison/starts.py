"""What ``lexseg segment`` of one film costs from a cold start: seconds, processor time and memory."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lexseg.errors import LexSegError
from lexseg.predict.choose_engine import EngineChoice
from lexseg.private import private_folder

_FILM = Path(str(files("lexseg"))) / "assets" / "examples" / "images"
_WORDS = "infection in the left lung"


@dataclass(frozen=True, slots=True)
class StartCost:
    """What the command costs with one engine.

    Attributes:
        name: of the model.
        engine: that ran it.
        threads: CPU threads.
        seconds: by the clock, the median of the runs.
        processor_seconds: of all its threads, the median.
        peak_memory_mb: the largest resident set, the median.
    """

    name: str
    engine: str
    threads: int
    seconds: float
    processor_seconds: float
    peak_memory_mb: float


def measure_starts(
    name: str, engines: Sequence[EngineChoice], *, threads: int = 2, repeats: int = 3
) -> list[StartCost]:
    """Run the command with each engine in turn, and as often again.

    Args:
        name: of a bundled model, or its folder.
        engines: which.
        threads: of each command.
        repeats: rounds; one more comes first, after which all files have been read once.

    Raises:
        LexSegError: the command fails, or the system is Windows, which tells no memory of a process that has ended.
    """
    if not hasattr(os, "wait4"):
        raise LexSegError("what a command costs from a cold start is measured on Linux and macOS")
    runs: dict[EngineChoice, list[tuple[float, float, float]]] = {engine: [] for engine in engines}
    for round_ in range(-1, repeats):
        for engine, own in runs.items():
            measured = _run(name, engine, threads)
            if round_ >= 0:
                own.append(measured)
    return [
        StartCost(name, engine, threads, *(statistics.median(column) for column in zip(*own, strict=True)))
        for engine, own in runs.items()
    ]


def _run(name: str, engine: EngineChoice, threads: int) -> tuple[float, float, float]:
    """Seconds by the clock and of the processor, and megabytes, of one command."""
    film = min(_FILM.glob("*.png"))
    with private_folder("starts") as folder, tempfile.TemporaryFile() as told:
        command = [
            sys.executable,
            "-m",
            "lexseg",
            "segment",
            str(film),
            "--text",
            _WORDS,
            "--model",
            name,
            "--engine",
            engine,
        ]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--output", str(folder / "answer")],
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            stdout=subprocess.DEVNULL,
            stderr=told,
        )
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            raise LexSegError(f"lexseg segment with {engine} failed: {told.read().decode(errors='replace')[-500:]}")
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
