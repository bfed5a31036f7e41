"""Rules for systems that these tests do not run on: paths, encodings, spawned processes, held files, capitals."""

import ast
import builtins
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg import files
from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.datasets.importers import import_layout
from lexseg.errors import ConfigError, DataError
from lexseg.evaluation.cases import file_names

SOURCES = sorted((Path(__file__).parents[1] / "src" / "lexseg").rglob("*.py"))
POSIX = {"fcntl", "resource", "pwd", "grp", "termios"}
SERVER = "server"  # needs Linux or macOS, and says so


def calls(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def named(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def mode_of(call):
    """The mode of an open(), wherever it stands; ``r`` where it is not said."""
    at = 1 if isinstance(call.func, ast.Name) else 0
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] + call.args[at : at + 1]
    return given[0].value if given and isinstance(given[0], ast.Constant) else "r"


@pytest.fixture(scope="module")
def trees():
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def test_text_is_read_and_written_as_utf_8_whatever_the_system_s_own(trees):
    for path, call in ((path, call) for path, tree in trees.items() for call in calls(tree)):
        if named(call) in ("read_text", "write_text") or (
            named(call) == "open"
            and (isinstance(call.func, ast.Name) or getattr(call.func.value, "id", "") in ("path", "file", "output"))
            and isinstance(mode_of(call), str)
            and "b" not in mode_of(call)
        ):
            assert any(keyword.arg == "encoding" for keyword in call.keywords), f"{path}, line {call.lineno}"


def test_what_only_unix_has_is_looked_for_where_it_is_used(trees):
    """Nowhere at the top of a module, where its absence would keep Windows from importing it; and never unguarded."""
    for path, tree in trees.items():
        if SERVER in path.parts:
            continue
        guarded = {id(node) for trial in ast.walk(tree) if isinstance(trial, ast.Try) for node in ast.walk(trial)}
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module}
                assert not names & POSIX or id(node) in guarded, f"{path}, line {node.lineno}"


def test_the_server_says_that_it_needs_unix(monkeypatch, capsys):
    from lexseg.cli.main import main

    real = builtins.__import__

    def without(name, *args, **keywords):
        if name in ("fcntl", "resource"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **keywords)

    for module in [m for m in sys.modules if m.startswith("lexseg.server")] + ["fcntl", "resource"]:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["serve", "--port", "0"]) == 1
    assert "WSL" in capsys.readouterr().err


def test_a_file_that_a_reader_holds_is_replaced_once_he_lets_go(tmp_path, monkeypatch):
    tries, real = [], os.replace

    def held(source, target):
        tries.append(target)
        if len(tries) < 4:
            raise PermissionError(13, "The process cannot access the file", str(target))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", held)
    monkeypatch.setattr(files, "_HELD_BY_READERS", True)
    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    files.replace_file(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new" and len(tries) == 4


def test_one_that_is_never_let_go_is_an_error_and_stays_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(b"old")

    def held(source, target):
        raise PermissionError(13, "The process cannot access the file", str(target))

    monkeypatch.setattr(files.os, "replace", held)
    monkeypatch.setattr(files, "_HELD_BY_READERS", True)
    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    with pytest.raises(PermissionError):
        files.replace_file(tmp_path / "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a:b", "a_b"), ("con", "con_"), ("NUL.x", "NUL_.x"), ("com1", "com1_"), ("console", "console"), ("a.", "a"),
     ("what?", "what_"), ("...", "_"), ("film 1", "film 1"), ("ärztin", "ärztin"), ("a\\b", "a_b")],
)  # fmt: skip
def test_names_are_names_on_every_system(name, expected):
    assert files.portable(name) == expected


def test_names_that_differ_by_capitals_alone_are_set_apart(tmp_path):
    taken = set()
    assert [files.free_name(name, ".png", taken) for name in ("A", "a", "Con", "aux")] == [
        "A.png", "a_2.png", "Con_.png", "aux_.png",
    ]  # fmt: skip
    cases = [Case(name, tmp_path / "i.png") for name in ("Film", "film", "nul", "a/b")]
    assert list(file_names(cases).values()) == ["Film", "film_2", "nul_", "a_b"]


def test_an_import_writes_names_that_windows_can_unpack(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number, name in enumerate(("aux.png", "a?b.png", "A.png", "a.png")):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(source / name)
    import_layout("folder", source, tmp_path / "out", fractions=(1, 0, 0))
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert len({name.lower() for name in names}) == 4
    assert all(files.portable(Path(name).stem) == Path(name).stem for name in names)


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "images" / "Film.png")

    def make(image):
        (tmp_path / "cases.csv").write_text(f"id,image\n1,{image}\n", encoding="utf-8")
        return tmp_path / "cases.csv"

    return make


def test_a_manifest_that_windows_wrote_is_read(manifest):
    (case,) = read_manifest(manifest("images\\Film.png"))
    assert case.image.name == "Film.png"


def test_a_name_in_other_capitals_is_told(manifest):
    with pytest.raises(DataError, match=r"there is no file 'images/film\.PNG', but 'Film\.png': capitals count"):
        read_manifest(manifest("images/film.PNG"))


def test_what_reading_processes_are_given_can_be_sent_to_spawned_ones(manifest, tmp_path):
    """Windows and macOS start them anew: everything that they are given is pickled, and so is every error."""
    from lexseg.training.data_module import _Guarded, _ignore_interrupt, _stack_training, _stack_validation
    from lexseg.training.dataset import CaseDataset

    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "images" / "m.png")
    path = manifest("images/Film.png")
    path.write_text("id,image,mask\n1,images/Film.png,images/m.png\n", encoding="utf-8")
    sent = pickle.loads(pickle.dumps(_Guarded(CaseDataset(read_manifest(path), (32, 32), fit="pad"))))
    assert sent[0][0].image.shape == (1, 32, 32)
    for function in (_ignore_interrupt, _stack_training, _stack_validation):
        assert pickle.loads(pickle.dumps(function)) is function
    error = pickle.loads(pickle.dumps(DataError("cases.csv, row 7: damaged")))
    assert isinstance(error, DataError) and str(error) == "cases.csv, row 7: damaged"
    assert isinstance(pickle.loads(pickle.dumps(ConfigError("x"))), ConfigError)
