"""The cells of a plan, and what is known of each."""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from lexseg.comparison.plan import NULL, Plan
from lexseg.comparison.plan_file import locate
from lexseg.errors import LexSegError
from lexseg.files import replace_file
from lexseg.models import model_class
from lexseg.training.recipe import read_recipe, shipped_recipes

Status = Literal["done", "failed"]
_BORROWED = "tmca-lite"
RECORD, RUN, REPORT, LOG = "cell.json", "run", "report", "log.txt"


@dataclass(frozen=True, slots=True)
class Cell:
    """One method on one data set, with one seed and one kind of sentence.

    Attributes:
        method, dataset: names of the plan.
        text: columns of the sentence, with commas between them, or ``null`` for none.
        seed: of everything.
    """

    method: str
    dataset: str
    text: str
    seed: int

    @property
    def key(self) -> str:
        """What its folder is called. Columns may be called anything; what no file name may hold becomes ``-``."""
        text = re.sub(r"[^A-Za-z0-9.+-]+", "-", self.text)
        return f"{self.method}__{self.dataset}__{text}__s{self.seed}"

    def folder(self, output: Path) -> Path:
        """Where its run, its report and its record stand."""
        return output / "cells" / self.key


@dataclass(frozen=True, slots=True)
class CellRecord:
    """What became of a cell: ``cell.json``.

    Attributes:
        key: of the cell.
        status: done or failed; a cell without a record is neither.
        reason: in one line, why it failed; "" where it did not.
        train: steps, seconds, images_per_s, parameters, trainable, ... as far as it came.
        peak_memory_mb: most memory that the cell's process held; of its GPU, where it ran on one.
        fingerprint: of everything that decides the result.
    """

    key: str
    status: Status
    reason: str = ""
    train: Mapping[str, Any] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    fingerprint: str = ""

    def write(self, folder: Path) -> None:
        """To ``cell.json``, whole or not at all."""
        replace_file(folder / RECORD, (json.dumps(asdict(self), indent=2) + "\n").encode())


def read_record(folder: Path) -> CellRecord | None:
    """The record of the cell in ``folder``; ``None`` where there is none, or half of one."""
    try:
        return CellRecord(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def cells_of(plan: Plan) -> list[Cell]:
    """All cells of a plan; every method's first seed before any method's second, so that a table is soon full."""
    found: list[tuple[int, Cell]] = []
    for dataset in plan.datasets:
        for name, method in plan.methods.items():
            if method.datasets and dataset not in method.datasets:
                continue
            texts = plan.texts_of(dataset)
            if method.kind != "train":  # without words there is nothing to learn from
                texts = [text for text in texts if text != NULL]
            for text in texts if reads_words(plan, name) else texts[:1]:
                for turn, seed in enumerate(plan.seeds_of(name)):
                    found.append((turn, Cell(name, dataset, text, seed)))
    return [cell for _, cell in sorted(found, key=lambda item: item[0])]


def reads_words(plan: Plan, method: str) -> bool:
    """Whether a method reads sentences; of one whose recipe cannot be used, nothing is known and true is answered."""
    try:
        return _reads_words(recipe_name(plan, method))
    except LexSegError:
        return True


@functools.lru_cache(maxsize=256)
def _reads_words(recipe: str) -> bool:
    return model_class(read_recipe(recipe).method).uses_text


def recipe_name(plan: Plan, method: str) -> str:
    """A method's recipe: a shipped name, or a path from the plan's folder; zero-shot borrows one for its data."""
    name = plan.methods[method].recipe or _BORROWED
    return name if name in shipped_recipes() else str(locate(name, f"methods.{method}.recipe", plan.path))
