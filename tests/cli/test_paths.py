"""Paths as a command line has them: none is empty, and ~ is the user's own folder."""

import argparse
import ast
import importlib
import re
from pathlib import Path

import pytest

import lexseg
from lexseg.cli.main import _OWN_PARSER, COMMANDS, _Parser, main
from lexseg.cli.values import path, path_text

NAMES = {"CASES", "FILE", "DIR", "DIR|FILE", "SOURCE", "IMAGE", "IMAGES", "MODEL CASES", "SUPPORT", "FOLDER", "PACK"}


def every(commands, name=""):
    for own, parser in commands.choices.items():
        yield f"{name}{own}", parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from every(action, f"{name}{own} ")


def test_no_command_takes_an_empty_path():
    taken, seen = [], 0
    for name, (module, _) in COMMANDS.items():
        if name in _OWN_PARSER:
            continue
        commands = _Parser().add_subparsers()
        importlib.import_module(f"lexseg.cli.{module}").add_parser(commands)
        for command, parser in every(commands):
            for action in parser._actions:
                if action.metavar not in NAMES and action.type is not Path:
                    continue
                seen += 1
                try:
                    parser._get_value(action, "")
                except argparse.ArgumentError:
                    continue
                taken.append(f"{command} {action.dest}")
    assert seen > 60 and taken == []


@pytest.mark.parametrize(
    "command",
    [
        ["train", "--output", "", "--data.cases", "cases.csv"],
        ["folds", "--output", "", "--data.cases", "cases.csv"],
        ["teacher", "pack", "--output", "", "--data.cases", "cases.csv"],
        ["teacher", "train", "pack", ""],
        ["teacher", "distil", "--pack", "pack", "--teachers", "", "--output", "run", "--data.cases", "cases.csv"],
    ],
)
def test_so_it_is_where_a_command_has_a_parser_of_its_own(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    assert "a path was expected, and it is empty" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_user_s_folder_is_meant_where_no_shell_says_so(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("USERPROFILE", "/home/ada")
    assert path("~/out") == Path("/home/ada/out") and path("a~b") == Path("a~b")
    assert path_text("~/a.csv,b.csv") == f"{Path('/home/ada/a.csv')},b.csv" and path_text("./a") == "./a"
    assert path("~nobody-is-called-so/out") == Path("~nobody-is-called-so/out")


def test_a_command_that_is_said_to_be_run_next_can_be_copied():
    """Of what users named, such as a folder with a space in its name, each is quoted for the shell."""
    bare, said = [], 0
    for file in Path(lexseg.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.JoinedStr):
                continue
            begun = False
            for part in node.values:
                begun |= (
                    isinstance(part, ast.Constant)
                    and re.search(r"lexseg [a-z-]+ |--directory ", part.value) is not None
                )
                named = isinstance(part, ast.FormattedValue) and ast.unparse(part.value)
                if begun and named and re.search(r"output|manifest|folder|path|cases", named):
                    said += 1
                    bare += [f"{file.name}: {named}"] * (not re.match(r"(shlex\.)?quote\(", named))
    assert said >= 5 and bare == []
