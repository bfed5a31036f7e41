"""The process of one cell: train, evaluate, write down what became of it.

``python -m lexseg.comparison.worker FOLDER`` runs the job in FOLDER. A crash, a loss that is no number or too
little memory end this process and no other.
"""

import csv
import hashlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.comparison.cells import REPORT, RUN, CellRecord
from lexseg.comparison.job import CellJob, read_job
from lexseg.errors import LexSegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lexseg.cases.case import Case
    from lexseg.evaluation.sources import Predictor

INTERRUPTED = 130
TIMING = "timing.json"
_TIMED = 5  # steps of an epoch of the timing


def main(folder: Path) -> int:
    """Run the job in ``folder``.

    Returns:
        0 where it is done, 1 where it failed, either of which is in ``cell.json``; 130 where it was interrupted.
    """
    job = read_job(folder)
    if job is None:
        raise LexSegError(f"{folder}: holds no job")
    train: dict[str, Any] = {}
    try:
        if not _work(job, folder, train):
            return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except LexSegError as error:
        print(f"error: {error}", file=sys.stderr)
        reason = str(error)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    else:
        CellRecord(job.key, "done", "", train, _peak_megabytes(), job.fingerprint).write(folder)
        return 0
    CellRecord(job.key, "failed", one_line(reason), train, _peak_megabytes(), job.fingerprint).write(folder)
    return 1


def some_images(cases: "Sequence[Case]", limit: int) -> "list[Case]":
    """All cases of so many images, which their names alone decide."""
    names = {case.image: hashlib.sha256(case.image.name.encode()).digest() for case in cases}
    kept = set(sorted(names, key=lambda image: (names[image], image))[:limit])
    return [case for case in cases if case.image in kept]


def one_line(reason: str) -> str:
    """A reason in one line of bearable length."""
    text = " ".join(reason.split())
    return text if len(text) <= 300 else text[:297] + "..."


def _work(job: CellJob, folder: Path, train: dict[str, Any]) -> bool:
    """Train and evaluate; false where the training was asked to stop. What is known of it is put into ``train``."""
    import torch

    from lexseg.comparison.configuration import within
    from lexseg.comparison.floor import word_floor
    from lexseg.comparison.weak import aligned, weakly
    from lexseg.training.recipe import from_values
    from lexseg.training.run import train as run_training
    from lexseg.training.weak.scored import load_scored
    from lexseg.training.weak.word_maps import WordMaps

    torch.set_num_threads(job.threads)
    config, run = from_values(job.config), folder / RUN
    if job.kind == "floor":
        train |= {"steps": 0, "threads": job.threads}
        _evaluate(job, folder, train, word_floor(config))
        return True
    if job.kind == "zero-shot":
        towers = aligned(job, config, folder, config.trainer.steps, train)
        _evaluate(job, folder, train, WordMaps(load_scored(towers), **job.masks))
        return True
    if job.kind == "weak":
        config = weakly(job, config, folder, train)
    if job.minutes is not None:
        seconds = _seconds_a_step(job, folder)
        if seconds is None:
            return False
        config = within(config, max(1, round(60 * job.minutes / seconds)), job.validations)
        train["timed_seconds_per_step"] = round(seconds, 4)
    began = run / "config.yaml"
    if run.exists() and not began.is_file():
        shutil.rmtree(run)  # what a process left that was killed before it had begun
    train |= {"steps": config.trainer.steps, "threads": job.threads}
    if not (run / "model").is_dir() or _epochs(run) < config.trainer.epochs:
        run_training(config, run, resume=began.is_file())
        if _epochs(run) < config.trainer.epochs:
            return False
    images = config.trainer.steps * config.trainer.accumulate * config.data.batch_size
    seconds = sum(float(row["train_seconds"]) for row in _curves(run))
    train |= {"seconds": round(seconds, 2), "images_per_s": round(images / max(seconds, 0.01), 3)}
    _evaluate(job, folder, train)
    for left in ("checkpoints", "tensorboard", "text_cache"):  # large, or states of sentences
        shutil.rmtree(run / left, ignore_errors=True)
    return True


def _evaluate(job: CellJob, folder: Path, train: dict[str, Any], source: "Predictor | None" = None) -> None:
    from lexseg.cases.manifest import read_manifests
    from lexseg.cases.splits import apply_splits
    from lexseg.evaluation.cases import select_cases
    from lexseg.evaluation.evaluate import EvaluationOptions, evaluate_to
    from lexseg.predict.segmenter import Segmenter

    data, started = job.config["data"], time.monotonic()
    paths, columns = [Path(path) for path in data["cases"]], list(data["text_column"])
    cases = read_manifests(paths, text_columns=columns)
    if job.split_file:
        cases = apply_splits(cases, job.split_file)
    cases = select_cases(cases, job.split)
    if job.limit:
        cases = some_images(cases, job.limit)
    if not data["words"]:
        cases = [replace(case, texts=("",)) for case in cases]
    if job.clusters == "image":
        cases = [replace(case, patient=None) for case in cases]
    if source is None:
        source = segmenter = Segmenter.from_pretrained(folder / RUN / "model", engine="torch")
        parameters = list(segmenter.model.parameters())
        train |= {
            "device": str(segmenter.device),
            "parameters": sum(p.numel() for p in parameters),
            "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        }
    probes = None if job.probes is None else tuple(job.probes)
    options = EvaluationOptions(
        probes=probes, by=tuple(job.by), batch=job.batch, controls=job.kind in ("zero-shot", "weak")
    )
    notes = {"split": job.split, "text_column": ",".join(columns) if data["words"] else None}
    evaluate_to(folder / REPORT, source, cases, options, notes=notes)
    train["evaluate_seconds"] = round(time.monotonic() - started, 1)


def _seconds_a_step(job: CellJob, folder: Path) -> float | None:
    """What a step takes here and now, from a short training; ``None`` where that was interrupted.

    Found once and kept, so that a cell that goes on has the number of steps that it began with. Where the size grows,
    each size counts for its share.
    """
    known = folder / TIMING
    if known.is_file():
        return float(json.loads(known.read_text(encoding="utf-8"))["seconds_per_step"])
    from lexseg.files import replace_file
    from lexseg.training.recipe import from_values
    from lexseg.training.run import train as run_training

    config, run = from_values(job.config), folder / "timing"
    shares = dict(config.data.grow)
    shares[config.data.size] = shares.get(config.data.size, 0.0) + max(0.0, 1 - sum(shares.values()))
    total = 0.0
    for size, share in shares.items():
        if not share:
            continue
        shutil.rmtree(run, ignore_errors=True)
        trainer = replace(config.trainer, steps=3 * _TIMED, epochs=3, validate_every=3)
        data = replace(config.data, size=size, grow={}, val_limit=1)
        run_training(replace(config, data=data, trainer=trainer), run)
        seconds = [float(row["train_seconds"]) for row in _curves(run)]
        if len(seconds) < 3:
            return None
        total += share * min(seconds[1:]) / _TIMED
    shutil.rmtree(run, ignore_errors=True)
    replace_file(known, json.dumps({"seconds_per_step": total}).encode())
    return total


def _curves(run: Path) -> list[dict[str, str]]:
    with suppress(FileNotFoundError), (run / "curves.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
    return []


def _epochs(run: Path) -> int:
    """How many epochs of its run a cell has done."""
    return len(_curves(run))


def _peak_megabytes() -> float:
    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return round(torch.cuda.max_memory_allocated() / (1 << 20), 1)
    try:
        import resource
    except ImportError:  # not on Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def _end_with_parent() -> None:
    """The standard input is a pipe from whoever started this cell; it ends when that process does, however."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 1):
                pass
        os._exit(INTERRUPTED)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    sys.exit(main(Path(sys.argv[1])))
