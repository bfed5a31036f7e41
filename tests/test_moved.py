"""Imports that the documentation named before the rooms were moved."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import lexseg
from lexseg._moved import MOVED, RENAMED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_gives_what_stands_under_the_new_one(old: str) -> None:
    sys.modules.pop(old, None)  # another test may have asked for it
    with pytest.warns(DeprecationWarning, match=f"{old} has moved to {MOVED[old]}"):
        module = importlib.import_module(old)
    new = importlib.import_module(MOVED[old])
    public = [name for name in getattr(new, "__all__", vars(new)) if not name.startswith("_")]
    assert public and all(getattr(module, name) is getattr(new, name) for name in public)


@pytest.mark.parametrize("module, old", [(module, old) for module, names in RENAMED.items() for old in names])
def test_what_is_renamed_is_found_under_its_old_name(module: str, old: str) -> None:
    holds = importlib.import_module(module)
    with pytest.warns(DeprecationWarning, match=f"{old} is now called {RENAMED[module][old]}"):
        holder, _, new = RENAMED[module][old].rpartition(".")
        assert getattr(holds, old) is vars(importlib.import_module(holder or module))[new]
    with pytest.raises(AttributeError, match="nothing"):
        _ = holds.nothing


def test_a_folder_that_a_checkout_left_does_not_hide_an_old_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "scans" / "__pycache__").mkdir(parents=True)
    monkeypatch.setattr(lexseg, "__path__", [*lexseg.__path__, str(tmp_path)])
    for name in ("lexseg.data", "lexseg.data.scans"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match="lexseg.data.scans has moved"):
        assert importlib.import_module("lexseg.data.scans").open_scan


def test_what_never_was_is_not_found() -> None:
    for name in ("lexseg.data.nothing", "lexseg.nothing"):
        with pytest.raises(ModuleNotFoundError, match=name):
            importlib.import_module(name)


def test_the_package_itself_uses_no_old_name() -> None:
    code = "import lexseg.predict.segmenter, lexseg.training.run, lexseg.cli.main, lexseg.evaluation.evaluate"
    done = subprocess.run([sys.executable, "-W", "error:lexseg.:DeprecationWarning", "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
