"""What each method of a plan costs, measured once from a model that it trained: ``cost.json``.

Measured on the CPU, wherever it was trained, one method after the other while nothing else of the comparison runs:
seconds taken while other cells compute would be theirs as much as the method's.
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lexseg.comparison.benchmark import YARDSTICK, measure_apart
from lexseg.comparison.cells import RUN, Cell, cells_of, read_record
from lexseg.comparison.plan import NULL, Plan
from lexseg.files import replace_file
from lexseg.models.io import WEIGHTS

COST = "cost.json"


def measure_costs(
    plan: Plan,
    output: Path,
    *,
    repeats: int = 15,
    progress: Callable[[str], None] = lambda method: None,
) -> None:
    """Measure the methods that have a trained model and were not measured yet.

    Args:
        plan: whose methods.
        output: the comparison's folder.
        repeats: timed pairs of segment call and yardstick.
        progress: told each method before it is measured.
    """
    threads = plan.budget.threads
    kept, cells = read_costs(output), cells_of(plan)
    for method in plan.methods:
        cell = _measurable([each for each in cells if each.method == method], output)
        if cell is None:
            continue
        record = read_record(cell.folder(output))
        basis = {"cell": cell.key, "fingerprint": record.fingerprint if record else "", "threads": threads}
        if kept.get(method, {}).get("basis") == basis:
            continue
        progress(method)
        try:
            found = asdict(measure_apart(str(_model(cell, output)), "model", threads=threads, repeats=repeats))
            found.pop("name")  # the folder's place on this machine
        except Exception as error:  # a method that cannot be measured must not cost the table
            found = {"failed": f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]}
        kept[method] = found | {"basis": basis}
        text = json.dumps({"yardstick": YARDSTICK, "methods": kept}, indent=2)
        replace_file(output / COST, (text + "\n").encode())


def read_costs(output: Path) -> dict[str, dict[str, Any]]:
    """By method what `measure_costs` found, or ``failed`` and why; empty where nothing was measured."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((output / COST).read_text(encoding="utf-8"))
        if isinstance(found, Mapping) and isinstance(found.get("methods"), Mapping):
            return {name: dict(cost) for name, cost in found["methods"].items()}
    return {}


def _measurable(cells: Sequence[Cell], output: Path) -> Cell | None:
    """The first cell that left a model; one with words, where there is one."""
    trained = [cell for cell in cells if (_model(cell, output) / WEIGHTS).is_file()]
    return min(trained, key=lambda cell: cell.text == NULL, default=None)


def _model(cell: Cell, output: Path) -> Path:
    return cell.folder(output) / RUN / "model"
