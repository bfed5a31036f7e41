"""A plan as a file: where it is, what is wrong with it, and how it is written.

What it says is in :mod:`lexseg.comparison.plan`.
"""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from lexseg.comparison.plan import Budget, Dataset, Method, PaperScore, Plan
from lexseg.errors import ConfigError
from lexseg.training.recipe import shipped_recipes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(_[A-Za-z0-9.+-]+)*")


def read_plan(name: str | Path) -> Plan:
    """A plan, by shipped name or path.

    ``${NAME}`` is replaced by what the environment holds; relative paths are taken from the plan's folder.

    Raises:
        ConfigError: there is none, or something in it cannot be used; with the file and the key of each problem.
    """
    path = plan_path(name)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    return parse_plan(values, path)


def parse_plan(values: Any, path: Path) -> Plan:
    """A plan from what its file holds.

    Args:
        values: the file's content.
        path: where it stands, or would.

    Raises:
        ConfigError: something cannot be used; with the file and the key of each problem.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path}: a plan was expected, with budget, methods and datasets")
    if "path" in values:
        raise ConfigError(f"{path}: there is no key path; {_known(_keys(Plan))}")
    try:
        plan = Plan.model_validate({**values, "path": path})
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in _problems(error))) from error
    if problems := list(_contradictions(plan)):
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return plan


def with_budget(plan: Plan, *, steps: int | None = None, minutes: float | None = None) -> Plan:
    """The same plan under another budget, where one is named.

    Raises:
        ConfigError: both are named, or what is named is no budget.
    """
    if steps is None and minutes is None:
        return plan
    others = plan.budget.model_dump(exclude={"steps", "minutes"})
    try:
        budget = Budget(steps=steps, minutes=minutes, **others)
    except ValidationError as error:
        raise ConfigError("\n".join(f"budget: {problem}" for problem in _problems(error))) from error
    return plan.model_copy(update={"budget": budget})


def with_text_column(plan: Plan, columns: Sequence[str]) -> Plan:
    """The same plan with other columns of sentences as each data set's own, where any are named.

    Raises:
        ConfigError: no data set is asked in its own sentences, so that nothing would change.
    """
    if not columns:
        return plan
    datasets = {name: told.model_copy(update={"text_column": list(columns)}) for name, told in plan.datasets.items()}
    other = plan.model_copy(update={"datasets": datasets})
    if all(other.texts_of(name) == plan.texts_of(name) != [",".join(columns)] for name in datasets):
        raise ConfigError(
            f"{plan.path}: texts names the columns that are asked, and 'own', each data set's own, is none of them: "
            f"{','.join(columns)} would never be asked; change texts in the plan"
        )
    return other


def plan_yaml(plan: Plan) -> bytes:
    """A plan as a file's content; what has its default is left out."""
    values = plan.model_dump(mode="json", exclude_defaults=True)
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def for_any_folder(plan: Plan) -> Plan:
    """The same plan with the paths that are relative to its folder made absolute, to be written elsewhere."""
    known = {*shipped_recipes(), *shipped_lists()}

    def fixed(text: str) -> str:
        path = plan.path.resolve().parent / text
        return str(path) if text not in known and "$" not in text and path.is_file() else text

    datasets = {
        name: told.model_copy(update={"cases": [fixed(path) for path in told.cases], "ids": fixed(told.ids)})
        for name, told in plan.datasets.items()
    }
    methods = {name: told.model_copy(update={"recipe": fixed(told.recipe)}) for name, told in plan.methods.items()}
    return plan.model_copy(update={"datasets": datasets, "methods": methods})


def plan_path(name: str | Path) -> Path:
    """The file of a plan.

    Raises:
        ConfigError: there is neither a shipped plan nor a file of that name.
    """
    shipped = shipped_plans()
    if str(name) in shipped:
        return shipped[str(name)]
    if Path(name).is_file():
        return Path(name)
    raise ConfigError(f"{name}: neither a shipped plan ({', '.join(shipped)}) nor a file")


def shipped_plans() -> dict[str, Path]:
    """The plans that come with the package, by name."""
    return {path.stem: path for path in sorted(_assets().glob("*.yaml"))}


def shipped_lists() -> dict[str, Path]:
    """The lists of case ids that come with the package, by name."""
    return {path.stem: path for path in sorted((_assets() / "lists").glob("*.txt"))}


def expand(text: str, key: str, path: Path) -> str:
    """``${NAME}`` replaced by what the environment holds.

    Raises:
        ConfigError: it holds no such name.
    """

    def value(match: re.Match[str]) -> str:
        if (found := os.environ.get(match[1])) is None:
            raise ConfigError(f"{path}: {key} names ${{{match[1]}}}, which is not set; export {match[1]}=FOLDER")
        return found

    return re.sub(r"\$\{(\w+)\}", value, text)


def locate(text: str, key: str, plan: Path) -> Path:
    """A path of a plan: expanded, and from the plan's folder."""
    return plan.resolve().parent / Path(expand(text, key, plan)).expanduser()


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values in a line, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_list(dumper: _Dumper, data: list[Any]) -> yaml.Node:
    flow = not any(isinstance(value, list | dict) for value in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow)


_Dumper.add_representer(list, _represent_list)


def _assets() -> Path:
    from importlib.resources import files

    return Path(str(files("lexseg"))) / "assets" / "plans"


def _keys(model: type[BaseModel]) -> list[str]:
    return [name for name in model.model_fields if not (model is Plan and name == "path")]


def _problems(error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        key = ".".join(map(str, item["loc"]))
        if item["type"] == "extra_forbidden":
            known = _keys(_model_at(item["loc"]))
            near = difflib.get_close_matches(str(item["loc"][-1]), known, 1)
            meant = f"did you mean {key.removesuffix(str(item['loc'][-1]))}{near[0]}?" if near else _known(known)
            yield f"there is no key {key}; {meant}"
        elif item["type"] == "missing":
            yield f"{key} is missing"
        else:
            said = item["msg"].removeprefix("Value error, ")
            given = "" if item["type"] == "value_error" else f", not {_short(item['input'])}"
            yield f"{key}: {said}{given}" if key else said


def _model_at(where: Sequence[str | int]) -> type[BaseModel]:
    """The part of a plan that a key stands in."""
    parts: dict[str | int, type[BaseModel]] = {"budget": Budget, "methods": Method, "datasets": Dataset}
    return parts.get(where[0], PaperScore) if len(where) > 1 else Plan


def _contradictions(plan: Plan) -> Iterator[str]:
    """What is well formed and means nothing."""
    for kind, names in (("methods", plan.methods), ("datasets", plan.datasets)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield f"{kind}.{name}: letters, digits and single _ . + - were expected in a name, which names folders"
    if plan.reference and plan.reference not in plan.methods:
        yield f"reference: there is no method {plan.reference}; {_known(plan.methods)}"
    elif plan.reference and plan.methods[plan.reference].datasets:
        yield f"reference: {plan.reference} is not run on every data set; leave methods.{plan.reference}.datasets out"
    for name, method in plan.methods.items():
        for dataset in method.datasets:
            if dataset not in plan.datasets:
                yield f"methods.{name}.datasets: there is no data set {dataset}; {_known(plan.datasets)}"
        if method.kind in ("zero-shot", "weak") and plan.budget.steps is None:
            yield f"methods.{name}.kind: {method.kind} needs a budget of steps; minutes are timed on a recipe's own"
        if method.kind in ("zero-shot", "weak") and plan.select_on == "train-part":
            yield f"methods.{name}.kind: {method.kind} sees no training masks, so none can select: select_on val"
    for number, paper in enumerate(plan.papers):
        if paper.dataset not in plan.datasets:
            yield f"papers.{number}.dataset: there is no data set {paper.dataset}; {_known(plan.datasets)}"
        if paper.beside and paper.beside not in plan.methods:
            yield f"papers.{number}.beside: there is no method {paper.beside}; {_known(plan.methods)}"
    for key, values in (
        ("seeds", plan.seeds),
        *((f"methods.{n}.seeds", m.seeds or []) for n, m in plan.methods.items()),
    ):
        if len(set(values)) < len(values):
            yield f"{key}: a seed stands twice"
    for key, texts in (("texts", plan.texts), *((f"datasets.{n}.texts", d.texts) for n, d in plan.datasets.items())):
        if len(set(texts)) < len(texts):
            yield f"{key}: a variant stands twice"


def _known(names: Iterable[str]) -> str:
    return f"known are {', '.join(names)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
