"""Runs the cells of a plan, each in a process of its own, and goes on where an earlier run was ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from lexseg.comparison.cells import LOG, Cell, CellRecord, cells_of, read_record
from lexseg.comparison.datasets import DatasetState, read_datasets
from lexseg.comparison.job import CellJob, job_of, read_job
from lexseg.comparison.plan import Plan
from lexseg.comparison.plan_file import for_any_folder, plan_yaml
from lexseg.comparison.worker import INTERRUPTED, one_line
from lexseg.errors import ConfigError
from lexseg.files import make_folder, replace_file
from lexseg.signals import sigterm_raises

WORKER = "lexseg.comparison.worker"
_PATIENCE = 30.0  # seconds that a cell is given to end in good order


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a plan is run; nothing of it changes a score.

    Attributes:
        jobs: cells at once.
        devices: taken in turn, such as ``cuda:0``; empty leaves it to each process.
        retry_failed: run failed cells again.
        skip_missing: go on without data sets that cannot be used; their cells fail.
        only: patterns of keys; cells that none of them fits are left as they are.
    """

    jobs: int = 1
    devices: Sequence[str] = ()
    retry_failed: bool = False
    skip_missing: bool = False
    only: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ConfigError(f"{self.jobs} jobs: at least 1 is needed")
        for device in self.devices:
            kind, _, index = device.partition(":")
            if device != "cpu" and not (kind == "cuda" and (not index or index.isdigit())):
                raise ConfigError(f"a device {device!r}: cpu, cuda or cuda:N was expected")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a comparison is.

    Attributes:
        cell: that has just ended.
        record: what became of it.
        seconds: that it took.
        done: cells that are done or have failed, of ``total``.
        total: all cells that are asked for.
        left: seconds that the others will take, as it seems.
    """

    cell: Cell
    record: CellRecord
    seconds: float
    done: int
    total: int
    left: float


class Runner:
    """A plan, checked, and its folder.

    Args:
        plan: the plan.
        output: the comparison's folder.
        options: how to run it.
        launch: starts the process that runs the job in a folder, given what its environment is to hold.

    Attributes:
        cells: that are asked for.
        jobs: of all cells of the plan whose data set is there.

    Raises:
        LexSegError: something in the plan cannot be used; before anything is run.
    """

    def __init__(
        self, plan: Plan, output: Path, options: RunOptions | None = None, *, launch: "Launch | None" = None
    ) -> None:
        self.plan, self.output, self.options = plan, output, options or RunOptions()
        self._launch = launch or launch_process
        _check_folder(output)
        found = cells_of(plan)
        _check_keys(plan, found)
        only = self.options.only
        self.cells = [c for c in found if not only or any(fnmatchcase(c.key, pattern) for pattern in only)]
        if not self.cells:
            known = ", ".join(cell.key for cell in found[:3])
            raise ConfigError(f"no cell of {plan.path} is called like {', '.join(only)}; there are {known}, ...")
        check_methods(plan, found)
        states = read_datasets(plan, output, skip_missing=self.options.skip_missing)
        self._states: Mapping[str, DatasetState] = states
        self.jobs: dict[Cell, CellJob] = {c: job_of(plan, c, states[c.dataset]) for c in found if self._there(c)}

    @property
    def fingerprints(self) -> dict[str, str]:
        """By key, of the cells of `jobs`."""
        return {cell.key: job.fingerprint for cell, job in self.jobs.items()}

    def waiting(self) -> list[Cell]:
        """The cells that are to be run: not done, or done with other settings or data."""
        return [cell for cell in self.cells if cell in self.jobs and not self._ended(cell)]

    def run(
        self,
        ended: Callable[[Progress], None] = lambda progress: None,
        started: Callable[[Cell], None] = lambda cell: None,
    ) -> list[CellRecord]:
        """Train and score every cell of the plan that is not done yet, one after the other or side by side.

        Args:
            ended: told of each cell that has ended.
            started: told of each cell that begins.

        Returns:
            the records of all cells.

        Raises:
            KeyboardInterrupt: after all processes have ended; a later run goes on.
            ConfigError: another comparison is at work in the folder.
        """
        make_folder(self.output)
        # as Ctrl-C does, so that the cells' processes end in good order
        with _locked(self.output), sigterm_raises(lambda number: KeyboardInterrupt()):
            copy = self.output / "plan.yaml"
            if copy.resolve() != self.plan.path.resolve():  # what the user wrote stays
                replace_file(copy, plan_yaml(for_any_folder(self.plan)))
            for cell in self.cells:
                if cell not in self.jobs and not self._is_done(cell):
                    reason = one_line(f"data set missing: {self._states[cell.dataset].missing}")
                    _record_failure(cell, self.output, reason)
            self._run(self.waiting(), ended, started)
        return [record for cell in self.cells if (record := read_record(cell.folder(self.output))) is not None]

    def _run(self, waiting: list[Cell], ended: Callable[[Progress], None], started: Callable[[Cell], None]) -> None:
        total, rest = len(self.cells), list(waiting)
        began, finished = time.monotonic(), 0
        slots: dict[int, tuple[Cell, Process, float]] = {}
        try:
            while rest or slots:
                for slot in range(self.options.jobs):
                    if rest and slot not in slots:
                        cell = rest.pop(0)
                        started(cell)
                        slots[slot] = (cell, self._start(cell, slot), time.monotonic())
                time.sleep(0.1)
                for slot, (cell, process, since) in list(slots.items()):
                    if (code := process.poll()) is None:
                        continue
                    del slots[slot]
                    record = self._judge(cell, code)
                    finished += 1
                    left = (len(rest) + len(slots)) * (time.monotonic() - began) / finished
                    done = total - len(rest) - len(slots)
                    ended(Progress(cell, record, time.monotonic() - since, done, total, left))
        except BaseException:
            _stop([process for _, process, _ in slots.values()])
            raise

    def _there(self, cell: Cell) -> bool:
        return not self._states[cell.dataset].missing

    def _is_done(self, cell: Cell) -> bool:
        record = read_record(cell.folder(self.output))
        return record is not None and record.status == "done"

    def _ended(self, cell: Cell) -> bool:
        record = read_record(cell.folder(self.output))
        if record is None or record.fingerprint != self.jobs[cell].fingerprint:
            return False
        return record.status == "done" or not self.options.retry_failed

    def _start(self, cell: Cell, slot: int) -> "Process":
        folder, job = cell.folder(self.output), self.jobs[cell]
        earlier = read_job(folder)
        if read_record(folder) is not None or earlier is None or earlier.fingerprint != job.fingerprint:
            shutil.rmtree(folder, ignore_errors=True)  # failed, or of another plan: nothing of it may be gone on with
        elif earlier.minutes is None:
            job = replace(job, config=earlier.config)  # the data may lie elsewhere now, and a run holds to its paths
        job.write(folder)
        threads = str(job.threads)
        environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        if self.options.devices:
            environment |= _visible(self.options.devices[slot % len(self.options.devices)])
        return self._launch(folder, environment)

    def _judge(self, cell: Cell, code: int) -> CellRecord:
        """The record of a cell whose process has ended; one that ended without a word has failed."""
        record = read_record(cell.folder(self.output))
        if record is not None:
            return record
        if code == INTERRUPTED:
            reason = "its process was interrupted"
        elif code < 0:
            name = signal.Signals(-code).name
            reason = f"its process was ended by {name}" + (" (too little memory?)" if name == "SIGKILL" else "")
        else:
            reason = f"its process ended with status {code}; see {LOG}"
        return _record_failure(cell, self.output, reason, self.jobs[cell].fingerprint)


class Process(Protocol):
    """What the runner needs of a process; `subprocess.Popen` is one."""

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...
    def send_signal(self, sig: int) -> None: ...


Launch = Callable[[Path, Mapping[str, str]], Process]


def launch_process(folder: Path, environment: Mapping[str, str]) -> Process:
    """A new Python for the job in ``folder``; what it says goes to a file there."""
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", WORKER, str(folder)],
            stdin=subprocess.PIPE,  # ends with this process, and the cell with it
            stdout=log,
            stderr=log,
            env=os.environ | environment,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )


def check_methods(plan: Plan, cells: Sequence[Cell]) -> None:
    """See that every method can be built as the plan says, as far as that shows without building it.

    Raises:
        ConfigError: with the plan's file and the key of each problem.
    """
    import inspect

    from lexseg.comparison.configuration import train_config
    from lexseg.errors import LexSegError
    from lexseg.models import model_class

    problems: dict[str, None] = {}
    seen: set[tuple[str, str]] = set()
    for cell in cells:
        if (cell.method, cell.dataset) in seen:
            continue
        seen.add((cell.method, cell.dataset))
        where = f"{plan.path}: methods.{cell.method}"
        try:
            config = train_config(plan, cell)
            known = list(inspect.signature(model_class(config.method)).parameters)
        except LexSegError as error:
            said = str(error)
            if "is not set; export" not in said:  # a data set's path is the data set's affair
                problems[said if said.startswith(str(plan.path)) else f"{where}: {said}"] = None
            continue
        for name in config.model:
            if name not in known:
                problems[f"{where}: {config.method} has no keyword model.{name}; known are {', '.join(known)}"] = None
    if problems:
        raise ConfigError("\n".join(problems))


def _check_keys(plan: Plan, cells: Sequence[Cell]) -> None:
    """Two cells in one folder would write over one another."""
    seen: dict[str, Cell] = {}
    for cell in cells:
        other = seen.setdefault(cell.key, cell)
        if other != cell:
            raise ConfigError(
                f"{plan.path}: the sentences {other.text!r} and {cell.text!r} of {cell.dataset} would share the folder "
                f"{cell.key}; call their columns so that ASCII letters and digits tell them apart"
            )


def _record_failure(cell: Cell, output: Path, reason: str, fingerprint: str = "") -> CellRecord:
    folder = cell.folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    record = CellRecord(cell.key, "failed", reason, fingerprint=fingerprint)
    record.write(folder)
    return record


def _visible(device: str) -> dict[str, str]:
    """What makes a process see one device alone, as its first."""
    kind, _, index = device.partition(":")
    if kind == "cpu":
        return {"CUDA_VISIBLE_DEVICES": ""}
    ours = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    number = int(index or 0)
    if ours and number >= len(ours):
        raise ConfigError(f"the device {device}: only {len(ours)} are visible here")
    return {"CUDA_VISIBLE_DEVICES": ours[number] if ours else str(number)}


def _stop(processes: Sequence[Process]) -> None:
    """Ask the cells to end after their step; those that do not, or at a second Ctrl-C all, are killed."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
    try:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and any(process.poll() is None for process in processes):
            time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def _check_folder(output: Path) -> None:
    """A comparison's folder holds a comparison or nothing."""
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output}: is a file; name a folder for the comparison")
    held = {entry.name for entry in output.iterdir()} if output.is_dir() else set()
    if held and not held & {"plan.yaml", "cells", "splits"}:
        raise ConfigError(f"--output {output}: is not empty and holds no comparison; choose a new folder")


@contextlib.contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Two comparisons in one folder would write into one another's cells."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with (output / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"--output {output}: another comparison is at work there") from None
        yield
