"""Cells as tasks of a Ray cluster, in place of processes of this machine."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lexseg.comparison.cells import LOG
from lexseg.comparison.runner import WORKER, Process

LOST = 3
"""How often a cell is begun again whose machine was lost; it goes on after its last checkpoint."""


def launch_task(folder: Path, environment: Mapping[str, str]) -> Process:
    """A task for the job in ``folder``, which all machines share; the cluster is joined already."""
    import ray

    processors = float(environment.get("OMP_NUM_THREADS", "1"))
    cell = ray.remote(num_cpus=processors, max_retries=LOST)(_run)
    return _Task(cell.remote(str(folder.resolve()), dict(environment), str(Path.cwd())))


def _run(folder: str, environment: dict[str, str], where: str) -> int:
    with (Path(folder) / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER, folder],
            stdin=subprocess.PIPE,  # ends with this task, and the cell with it
            stdout=log,
            stderr=log,
            env=os.environ | environment,
            cwd=where,
        )
        try:
            return process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)  # it ends after its step, with a checkpoint
            process.wait()
            raise


class _Task:
    """What the runner needs of a process. Args: reference: of the status that the task's process ends with."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def poll(self) -> int | None:
        import ray

        done, _ = ray.wait([self._reference], timeout=0)
        return self.wait() if done else None

    def wait(self) -> int:
        import ray

        try:
            return int(ray.get(self._reference))
        except (ray.exceptions.RayError, KeyboardInterrupt):  # cancelled, or its machines were lost again and again
            return 1

    def kill(self) -> None:
        self._cancel(force=True)

    def send_signal(self, sig: int) -> None:
        self._cancel(force=False)

    def _cancel(self, *, force: bool) -> None:
        import ray

        with contextlib.suppress(ray.exceptions.RayError, ValueError):
            ray.cancel(self._reference, force=force)
