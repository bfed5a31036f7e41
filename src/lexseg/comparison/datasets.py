"""The data sets of a plan: whether they are there, who trains, who selects, who is scored, and what they hold."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lexseg.cases.case import Case, Split
from lexseg.cases.manifest import read_manifests
from lexseg.cases.splits import assign_splits, split_cases, write_splits
from lexseg.comparison.configuration import id_list, manifests
from lexseg.comparison.plan import NULL, Plan
from lexseg.errors import DataError, LexSegError
from lexseg.evaluation.cases import select_cases
from lexseg.training.folder import data_hash
from lexseg.training.prepare import only_listed

SPLITS = "splits"
SELECTING = 0.1
"""Share of the training cases that selects the model under ``select_on: train-part``."""


@dataclass(frozen=True, slots=True)
class DatasetState:
    """What a data set of a plan is at present.

    Attributes:
        name: in the plan.
        content: by sentence variant a hash of its images, masks, sentences and splits.
        training_splits: who trains and who selects; ``None`` where the manifests' own splits hold.
        scoring_splits: who is scored; ``None`` where the manifests' own splits hold.
        missing: why it cannot be used; "" where it can.
    """

    name: str
    content: Mapping[str, str]
    training_splits: Path | None = None
    scoring_splits: Path | None = None
    missing: str = ""


def read_datasets(plan: Plan, output: Path, *, skip_missing: bool = False) -> dict[str, DatasetState]:
    """Read all data sets, and write down the splits that are ours.

    Args:
        plan: the plan.
        output: the comparison's folder.
        skip_missing: go on without those that cannot be used.

    Raises:
        DataError: some cannot be used; with the plan's file, the key and why.
    """
    states: dict[str, DatasetState] = {}
    for name in plan.datasets:
        try:
            states[name] = _read(plan, name, output)
        except LexSegError as error:
            states[name] = DatasetState(name, {}, missing=str(error))
    problems = [_placed(s.missing, f"datasets.{s.name}", plan) for s in states.values() if s.missing]
    if problems and not (skip_missing and len(problems) < len(states)):
        hint = "" if skip_missing else "\nwith --skip-missing the others are compared"
        raise DataError("\n".join(problems) + hint)
    return states


def _placed(said: str, key: str, plan: Plan) -> str:
    """What was said, with the plan's file and the key, unless it names them itself."""
    return said if said.startswith(f"{plan.path}: {key}") else f"{plan.path}: {key}: {said}"


def _read(plan: Plan, name: str, output: Path) -> DatasetState:
    dataset = plan.datasets[name]
    content: dict[str, str] = {}
    cases: list[Case] = []
    for text in plan.texts_of(name):
        columns = dataset.text_column if text == NULL else text.split(",")
        cases = read_manifests(manifests(plan, name), text_columns=columns)
        content[text] = data_hash(cases)
    made = any(case.split is None for case in cases)
    if made:
        cases = assign_splits(cases)  # by no cell's seed: all must train and be scored on the same cases
    select_cases(cases, dataset.split)
    listed = id_list(plan, name)
    if listed is not None:
        used = only_listed(cases, listed)
        trained = sorted(case.id for case in used if case.split == "train")
        ids = hashlib.sha256(json.dumps(trained).encode()).hexdigest()
        content = {text: f"{value}+{ids}" for text, value in content.items()}
    else:
        used = cases
    scoring = _write(output / SPLITS / f"{name}.csv", cases) if made else None
    if plan.select_on == "val":
        return DatasetState(name, content, scoring, scoring)
    parts = _parted(cases, used)
    training = _write(output / SPLITS / f"{name}_training.csv", cases, parts)
    return DatasetState(name, content, training, scoring)


def _parted(cases: Sequence[Case], used: Sequence[Case]) -> dict[str, Split]:
    """A part of the training cases in the place of val, cut off by patient; all others are kept out, as test."""
    training = [case for case in used if case.split == "train"]
    shares: dict[Split, float] = {"train": 1 - SELECTING, "val": SELECTING}
    parts: dict[str, Split] = {case.id: "test" for case in cases}
    for case in split_cases(training, shares, 0):
        assert case.split is not None
        parts[case.id] = case.split
    return parts


def _write(path: Path, cases: Sequence[Case], parts: Mapping[str, Split] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_splits(path, ((case.id, (parts or {}).get(case.id, case.split)) for case in cases))
    return path.resolve()
