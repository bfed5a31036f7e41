"""The example notebook runs, cell after cell, and what ends a cell shows itself."""

import ast
import json
from pathlib import Path

import matplotlib
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.ipynb"))


def run_cell(source, names):
    """Run a cell as a notebook does: its last expression is its value."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path, monkeypatch, capsys):
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    names = {}
    shown = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            shown.append(run_cell("".join(cell["source"]), names))
    pictures = [value._repr_png_() for value in shown if hasattr(value, "_repr_png_")]
    assert pictures and all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "breast_mask.png",
        "breast_overlay.png",
        "breast.json",
    }
    said = capsys.readouterr().out
    assert "no infection  ->  negated" in said and "kidney stone.  ->  not in scope" in said
    assert all(loss.isfinite() for loss in names["losses"].values())


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_output(notebook):
    """Pictures of patients, and paths, stay out of the repository."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
