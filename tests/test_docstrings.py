"""What a docstring lists is there: the arguments that it names, and the errors of ours that a function raises."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import lexseg
from lexseg import errors

SOURCE = Path(lexseg.__file__).parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OURS = {name for name, thing in vars(errors).items() if isinstance(thing, type)}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(node: ast.AST) -> Iterator[Function]:
    """The functions and methods that others may call, nested ones left out."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
            yield from public(each)
        elif isinstance(each, FUNCTIONS) and not each.name.startswith("_"):
            yield each


def listing() -> Iterator[tuple[str, Function, str]]:
    """Where they stand, those that list their arguments, and what they say."""
    for path in sorted(SOURCE.rglob("*.py")):
        for each in public(ast.parse(path.read_text(encoding="utf-8"))):
            told = ast.get_docstring(each) or ""
            if "Args:\n" in told:
                yield f"{path.relative_to(SOURCE)}:{each.lineno} {each.name}", each, told


def arguments(told: str) -> set[str]:
    """The names that stand under ``Args:``; several with one description are parted by commas."""
    section = re.split(r"\n\w", told.partition("Args:\n")[2])[0]
    return {name for names in re.findall(r"^    ((?:[\w*]+, )*[\w*]+): ", section, re.M) for name in names.split(", ")}


def raised(node: ast.AST) -> Iterator[str]:
    for each in ast.iter_child_nodes(node):
        if isinstance(each, (*FUNCTIONS, ast.Lambda)):
            continue
        if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call) and isinstance(each.exc.func, ast.Name):
            yield each.exc.func.id
        yield from raised(each)


def test_an_argument_that_is_told_is_there() -> None:
    wrong = []
    for where, function, told in listing():
        given = function.args
        names = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
        names |= {each.arg for each in (given.vararg, given.kwarg) if each is not None}
        wrong += [f"{where}: {name}" for name in {name.strip("*") for name in arguments(told)} - names]
    assert wrong == []


def test_an_error_that_a_function_raises_is_told() -> None:
    wrong = []
    for where, function, told in listing():
        if "LexSegError" not in told:  # which is all of them
            wrong += [f"{where}: {name}" for name in {*raised(function)} & OURS if name not in told]
    assert wrong == []
    assert "TextError" in OURS and len(list(listing())) > 300
