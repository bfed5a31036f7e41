"""What a cell's own process is told: ``job.json``."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lexseg.comparison.cells import Cell
from lexseg.comparison.configuration import train_config, within
from lexseg.comparison.datasets import DatasetState
from lexseg.comparison.plan import Plan
from lexseg.files import replace_file
from lexseg.training.config import TrainConfig
from lexseg.training.settings import changed, plain

JOB = "job.json"
_PATHS = ("data.cases", "data.ids", "data.split_file")


@dataclass(frozen=True, slots=True)
class CellJob:
    """A cell, ready to be run.

    Attributes:
        key: of the cell.
        fingerprint: of everything in the plan and the data that decides the result.
        config: of the training, as plain values; under a budget of minutes without its number of steps.
        minutes: the budget, where it is one of time.
        validations: looks during the training.
        split: what is scored.
        split_file: the splits for that, where the manifests have none.
        clusters, probes, by, limit: of the evaluation.
        batch: images evaluated at once.
        threads: of the process.
        kind, align, masks: of the method.
    """

    key: str
    fingerprint: str
    config: Mapping[str, Any]
    minutes: float | None
    validations: int
    split: str
    split_file: str
    clusters: str
    probes: list[str] | None
    by: list[str]
    limit: int
    batch: int
    threads: int
    kind: str = "train"
    align: Mapping[str, Any] = field(default_factory=dict)
    masks: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """To ``job.json``, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / JOB, (json.dumps(asdict(self), indent=2) + "\n").encode())


def read_job(folder: Path) -> CellJob | None:
    """The job in ``folder``; ``None`` where there is none, or one of another time."""
    try:
        values = json.loads((folder / JOB).read_text(encoding="utf-8"))
        grow = values["config"]["data"]["grow"]
        values["config"]["data"]["grow"] = {int(size): share for size, share in grow.items()}
        return CellJob(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def job_of(plan: Plan, cell: Cell, state: DatasetState) -> CellJob:
    """What is to be done for a cell.

    Raises:
        ConfigError: a recipe or a setting cannot be used; with the plan's file and the key.
    """
    dataset, budget = plan.datasets[cell.dataset], plan.budget
    config = train_config(plan, cell, split_file=state.training_splits)
    if budget.steps is not None:
        config = within(config, budget.steps, plan.validations)
    job = CellJob(
        key=cell.key,
        fingerprint="",
        config=plain(config),
        minutes=budget.minutes,
        validations=plan.validations,
        split=dataset.split,
        split_file=str(state.scoring_splits or ""),
        clusters=dataset.clusters,
        probes=dataset.probes,
        by=list(dataset.by),
        limit=dataset.limit,
        batch=budget.evaluate_batch,
        threads=budget.threads,
        kind=plan.methods[cell.method].kind,
        align=plan.methods[cell.method].align,
        masks=plan.methods[cell.method].masks,
    )
    return CellJob(**(asdict(job) | {"fingerprint": _fingerprint(job, config, plan, state, cell)}))


def _fingerprint(job: CellJob, config: TrainConfig, plan: Plan, state: DatasetState, cell: Cell) -> str:
    """What the files hold counts, not where they lie; and no setting that came later and is at its default."""
    values = asdict(job)
    del values["split_file"]
    if values["kind"] == "train":
        values = {name: value for name, value in values.items() if name not in ("kind", "align", "masks")}
    values["config"] = {name: value for name, value in changed(config).items() if name not in _PATHS}
    values |= {"select_on": plan.select_on, "content": state.content.get(cell.text, "")}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
