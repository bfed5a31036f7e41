"""What ``lexseg segment`` of one film costs from a cold start: seconds, processor time and memory."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lexseg.errors import LexSegError
from lexseg.predict.engines import EngineChoice
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
    if sys.platform == "win32":  # it has no module `resource`
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


_MEASURED = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
took, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, took, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""What starts the command: a small process, since a started one counts the memory of who started it as its own."""


def _run(name: str, engine: EngineChoice, threads: int) -> tuple[float, float, float]:
    """Seconds by the clock and of the processor, and megabytes, of one command."""
    film = min(_FILM.glob("*.png"))
    own = [sys.executable, "-m", "lexseg", "segment", str(film), "--text", _WORDS, "--model", name, "--engine", engine]
    with private_folder("starts") as folder:
        told = subprocess.run(
            [sys.executable, "-S", "-c", _MEASURED, *own, "--output", str(folder / "answer")],
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            capture_output=True,
            text=True,
            errors="replace",
        )
    if told.returncode:
        raise LexSegError(f"lexseg segment with {engine} could not be started: {told.stderr[-500:]}")
    code, took, processor, peak = json.loads(told.stdout)
    if code:
        raise LexSegError(f"lexseg segment with {engine} failed: {told.stderr[-500:]}")
    return took, processor, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
