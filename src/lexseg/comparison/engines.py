"""How fast each engine answers with a model: stage by stage, in turn with one another and with a yardstick."""

import multiprocessing
import os
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
import torch

from lexseg.comparison.benchmark import INPUT, new_sentences, seconds, yardstick
from lexseg.errors import LexSegError
from lexseg.predict.engine import EngineChoice
from lexseg.predict.segmenter import ImageSession, Segmenter

STAGES = ("whole", "look", "sentence", "eight")
"""One call with an image and a new sentence; encoding the image alone; one new sentence about an open image; eight."""


@dataclass(frozen=True, slots=True)
class EngineCost:
    """What a model costs with one engine.

    Attributes:
        name: of the model.
        engine: that ran it.
        relative: by stage (:data:`STAGES`), the median of its time over the yardstick's, timed in turn.
        per_second: by stage, how often it fits into a second, by its median: images, sentences, or eights of them.
    """

    name: str
    engine: str
    relative: dict[str, float]
    per_second: dict[str, float]


def measure_engines(
    name: str, engines: Sequence[EngineChoice], *, threads: int = 2, repeats: int = 15
) -> list[EngineCost]:
    """Measure a model with each engine, in a process of its own.

    Args:
        name: of a bundled model, or its folder.
        engines: which.
        threads: of the process.
        repeats: rounds; in each every stage of every engine has its turn, and the yardstick.

    Raises:
        LexSegError: the model cannot be run so, or the process was ended from outside.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_measure, name, tuple(engines), threads, repeats).result()
        except BrokenProcessPool as error:
            raise LexSegError("the process that measured it was ended, perhaps for want of memory") from error


def _measure(name: str, engines: Sequence[EngineChoice], threads: int, repeats: int) -> list[EngineCost]:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    calls = {engine: _stages(Segmenter.from_pretrained(name, device="cpu", engine=engine)) for engine in engines}
    forward = yardstick()
    times: dict[tuple[EngineChoice, str], list[float]] = {(e, s): [] for e in engines for s in STAGES}
    ratios: dict[tuple[EngineChoice, str], list[float]] = {key: [] for key in times}
    for round_ in range(-2, repeats):  # two to warm up
        took = {key: seconds(calls[key[0]][key[1]]) for key in times}
        unit = seconds(forward)
        if round_ >= 0:
            for key, value in took.items():
                times[key].append(value)
                ratios[key].append(value / unit)
    return [
        EngineCost(
            name,
            engine,
            {stage: statistics.median(ratios[engine, stage]) for stage in STAGES},
            {stage: 1 / statistics.median(times[engine, stage]) for stage in STAGES},
        )
        for engine in engines
    ]


def _stages(segmenter: Segmenter) -> dict[str, Callable[[], object]]:
    image = np.random.default_rng(0).random((INPUT, INPUT), dtype=np.float32)
    sentences, session = new_sentences(), segmenter.set_image(image)

    def ask(session: ImageSession) -> object:
        # an image-only model warns when it is given words; all is looked for, whatever the scope says of noise
        return session.segment(next(sentences) if segmenter.uses_text else None, anyway=True)

    return {
        "whole": lambda: ask(segmenter.set_image(image)),
        "look": lambda: segmenter.set_image(image),
        "sentence": lambda: ask(session),
        "eight": lambda: [ask(session) for _ in range(8)],
    }
