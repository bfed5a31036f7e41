"""Ending a run: by time, by signal, or because a loss is no number; several devices end together."""

import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import tiny
from lexseg.training.config import TrainConfig
from lexseg.training.run import _end_other_processes
from lexseg.training.stop import StopInTime, StopRun
from lexseg.training.task import DivergedError, SegmentationTask


def trainer(others: tuple[int, int] = (0, 0), world: int = 1) -> Any:
    """A trainer of several devices, of which the others vote to stop, or have diverged."""

    def reduce(votes: torch.Tensor, reduce_op: str) -> torch.Tensor:
        assert reduce_op == "sum"
        return votes + torch.tensor(others)

    return SimpleNamespace(world_size=world, strategy=SimpleNamespace(reduce=reduce), is_global_zero=True)


@pytest.fixture
def task() -> SegmentationTask:
    return SegmentationTask(tiny.Tiny(), TrainConfig())


def test_nothing_to_stop_for(task: SegmentationTask) -> None:
    stop = StopInTime(time.monotonic() + 100)
    stop.on_train_batch_end(trainer(), task)
    stop.on_train_epoch_start(trainer(world=2), task)


def test_time_is_over(task: SegmentationTask) -> None:
    with pytest.raises(StopRun, match="max_time is over"):
        StopInTime(time.monotonic() - 1).on_train_batch_end(trainer(), task)


def test_devices_end_together(task: SegmentationTask) -> None:
    with pytest.raises(StopRun, match="another process was asked to stop"):
        StopInTime(None).on_train_batch_end(trainer((1, 0), world=2), task)
    with pytest.raises(DivergedError, match="not finite on another device; lower optimizer"):
        StopInTime(None).on_train_batch_end(trainer((0, 1), world=2), task)
    # a run that has diverged does not end as if all were well, whoever has asked it to stop
    with pytest.raises(DivergedError):
        StopInTime(time.monotonic() - 1).on_train_batch_end(trainer((0, 1), world=2), task)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_is_a_wish_and_the_second_one_an_order(
    number: signal.Signals, task: SegmentationTask, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[int] = []
    before = signal.signal(number, lambda n, frame: heard.append(n))
    try:
        stop = StopInTime(None)
        with stop.listening():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Lightning puts its own there
            stop.on_train_start(trainer(), task)
            os.kill(os.getpid(), number)
            assert not heard
            assert "stopping after this step" in capfd.readouterr().err
            with pytest.raises(StopRun, match=number.name):
                stop.on_train_batch_end(trainer(), task)
            os.kill(os.getpid(), number)
            assert heard == [number]
        os.kill(os.getpid(), number)
        assert heard == [number, number]
    finally:
        signal.signal(number, before)


def test_another_thread_leaves_signals_to_the_first(task: SegmentationTask) -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []

    def run() -> None:
        stop = StopInTime(None)
        with stop.listening():
            stop.on_train_start(trainer(), task)
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


def test_other_processes_are_not_left_waiting() -> None:
    killed: list[int] = []
    _end_other_processes(SimpleNamespace(strategy=SimpleNamespace(launcher=SimpleNamespace(kill=killed.append))))  # type: ignore[arg-type]
    _end_other_processes(SimpleNamespace(strategy=SimpleNamespace(launcher=None)))  # type: ignore[arg-type]
    assert killed == [signal.SIGKILL]
