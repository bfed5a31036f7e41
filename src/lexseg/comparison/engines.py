"""How fast each engine answers with a model: stage by stage, in turn with one another and with a yardstick."""

import multiprocessing
import os
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import torch

from lexseg.comparison.benchmark import load, new_sentences, picture, seconds, yardstick
from lexseg.errors import LexSegError
from lexseg.predict.ask import Options
from lexseg.predict.ask import ask as together
from lexseg.predict.engines import EngineChoice
from lexseg.predict.segmenter import Segmenter

STAGES = ("whole", "look", "sentence", "eight")
"""One call with an image and a new sentence; the image encoded; a new sentence about an open image; eight at once."""


@dataclass(frozen=True, slots=True)
class EngineCost:
    """What a model costs with one engine.

    Attributes:
        name: of the model, or of a recipe whose network, with random weights, stands beside it.
        engine: that ran it.
        threads: CPU threads.
        relative: by stage (:data:`STAGES`), the median of its time over the yardstick's, timed in turn.
        per_second: by stage, how often it fits into a second, by its median: images, sentences, or eights of them.
    """

    name: str
    engine: str
    threads: int
    relative: dict[str, float]
    per_second: dict[str, float]


def measure_engines(
    name: str, engines: Sequence[EngineChoice], *, beside: Sequence[str] = (), threads: int = 2, repeats: int = 15
) -> list[EngineCost]:
    """Measure a model with each engine, in a process of its own.

    Args:
        name: of a bundled model, or its folder.
        engines: which.
        beside: recipes whose networks, with random weights and run by torch, are timed in turn with it.
        threads: of the process.
        repeats: rounds; in each every stage of every engine has its turn, and the yardstick.

    Raises:
        LexSegError: the model cannot be run so, or the process was ended from outside.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_measure, name, tuple(engines), tuple(beside), threads, repeats).result()
        except BrokenProcessPool as error:
            raise LexSegError("the process that measured it was ended, perhaps for want of memory") from error


def _measure(
    name: str, engines: Sequence[EngineChoice], beside: Sequence[str], threads: int, repeats: int
) -> list[EngineCost]:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    calls = {
        (name, engine): _stages(Segmenter.from_pretrained(name, device="cpu", engine=engine)) for engine in engines
    }
    calls |= {(recipe, "torch"): _stages(load(recipe, "recipe")[0]) for recipe in beside}
    forward = yardstick()
    turns = [(who, stage) for who in calls for stage in STAGES]
    times: dict[tuple[tuple[str, str], str], list[float]] = {turn: [] for turn in turns}
    ratios: dict[tuple[tuple[str, str], str], list[float]] = {turn: [] for turn in turns}
    for round_ in range(-2, repeats):  # two to warm up
        took = {(who, stage): seconds(calls[who][stage]) for who, stage in turns}
        unit = seconds(forward)
        if round_ >= 0:
            for turn, value in took.items():
                times[turn].append(value)
                ratios[turn].append(value / unit)
    return [
        EngineCost(
            *who,
            threads,
            {stage: statistics.median(ratios[who, stage]) for stage in STAGES},
            {stage: 1 / statistics.median(times[who, stage]) for stage in STAGES},
        )
        for who in calls
    ]


def _stages(segmenter: Segmenter) -> dict[str, Callable[[], object]]:
    image = picture(segmenter)
    sentences, session = new_sentences(), segmenter.set_image(image)

    def text() -> str | None:
        return next(sentences) if segmenter.uses_text else None  # an image-only model warns when it is given words

    # all is looked for, whatever the scope says
    return {
        "whole": lambda: segmenter.segment(image, text(), anyway=True),
        "look": lambda: segmenter.set_image(image),
        "sentence": lambda: session.segment(text(), anyway=True),
        "eight": lambda: together(segmenter, session, [text() for _ in range(8)], Options(anyway=True)),
    }
