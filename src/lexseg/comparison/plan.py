"""What a comparison is told: methods, data sets, seeds and sentences, and the one budget they share."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lexseg.errors import ConfigError
from lexseg.training.recipe import shipped_recipes

NULL = "null"
"""The name of the sentence variant without words: trained, validated and asked with the null sentence."""

OWN = "own"
"""The name of the sentence variant that each data set calls its own: its ``text_column``."""

PROBES = {"none": "none", "shuffled": "shuffled", "swapped": "swapped", "mirrored": "swapped"} | {
    name: name for name in ("irrelevant", "other", "absent", "class-free")
}
"""The honesty probes by the names that a plan may use; those of ``lexseg evaluate`` are the values."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(_[A-Za-z0-9.+-]+)*")


def _names(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    return [NULL if text is None else text for text in _names(value)] if isinstance(value, list | str) else value


def _probes(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if unknown := [str(name) for name in value if name not in PROBES]:
        raise ValueError(f"there is no probe {', '.join(unknown)}; choose among {', '.join(PROBES)}")
    return list(dict.fromkeys(PROBES[name] for name in value))


Names = Annotated[list[str], BeforeValidator(_names)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(_Strict):
    """What every cell may spend on training; validations and the evaluation come on top, the same for all.

    Attributes:
        steps: optimizer steps.
        minutes: of training; in place of ``steps``. A short timing at the cell's start turns them into steps, so that
            the learning rate ends where it should.
        threads: of each cell's process. Sums of floating-point numbers depend on it, and so do scores, a little.
        evaluate_batch: images that are evaluated at once.
    """

    steps: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0)
    threads: int = Field(1, ge=1)
    evaluate_batch: int = Field(16, ge=1)

    @model_validator(mode="after")
    def _one(self) -> "Budget":
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("one of steps and minutes was expected, and not both")
        return self

    def __str__(self) -> str:
        return f"{self.steps:,} steps" if self.steps is not None else f"{self.minutes:g} minutes of training"


class Method(_Strict):
    """A row of the table.

    Attributes:
        recipe: shipped recipe, or the path of one; needed of the kinds ``train`` and ``weak``.
        kind: ``train``: on the masks. ``zero-shot``: no mask is seen, towers are aligned and their maps scored.
            ``weak``: half of the steps align towers, their maps become masks, and the recipe is trained on these in the
            other half. ``floor``: no image is seen, the mean training mask of the nearest words is the answer.
        align: settings of the alignment, such as ``size``; of the kinds without masks.
        masks: how masks are made of maps: ``saliency``, ``keep`` and ``sam``; likewise.
        label: what the table calls it; empty is its name.
        as_published: with the faults of the code that its authors released.
        set: settings of this method alone, by their dotted names; they override the plan's.
        seeds: in place of the plan's.
        datasets: the data sets that it is run on; empty is all.
    """

    recipe: str = ""
    kind: Literal["train", "zero-shot", "weak", "floor"] = "train"
    align: dict[str, Any] = Field(default_factory=dict)
    masks: dict[str, Any] = Field(default_factory=dict)
    label: str = ""
    as_published: bool = False
    set: dict[str, Any] = Field(default_factory=dict)
    seeds: Seeds | None = None
    datasets: Names = Field(default_factory=list)

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Method":
        untrained = self.kind in ("zero-shot", "floor")
        if not self.recipe and not untrained:
            raise ValueError("recipe is missing")
        if untrained and (self.recipe or self.set or self.as_published):
            raise ValueError(f"a {self.kind} method trains no recipe: leave recipe, set and as_published out")
        if self.kind in ("train", "floor") and (self.align or self.masks):
            raise ValueError("align and masks are of the kinds zero-shot and weak")
        if unknown := sorted(set(self.masks) - {"saliency", "keep", "sam"}):
            raise ValueError(f"masks has no setting {unknown[0]!r}; it has saliency, keep and sam")
        return self


class Dataset(_Strict):
    """A column of the table.

    Attributes:
        cases: manifests.
        label: what the table calls it; empty is its name.
        text_column: columns that hold the sentence; several are sampled from in training, the first is asked.
        ids: a list of training cases, by shipped name or path; empty is all.
        split: what is evaluated.
        probes: honesty probes; ``None`` makes all that the cases allow.
        kind: sentences about whole images, or expressions that name targets.
        clusters: what intervals are clustered by. Images, too, where patients are unknown.
        by: columns whose values are scored as groups of their own.
        leaks: whether the sentences were written from the masks, so that scores with them are an upper bound; ``None``
            where that is not known. Said beside the scores.
        leak_free: columns of sentences that tell nothing of the mask, for a set whose own do; empty is no words at all.
        limit: images that are scored, drawn once for all; 0 is all.
        texts: sentence variants of this data set, in place of the plan's.
        set: settings of this data set alone, by their dotted names; those of the method come later.
    """

    cases: Names = Field(min_length=1)
    label: str = ""
    text_column: Names = Field(default_factory=lambda: ["text"], min_length=1)
    ids: str = ""
    split: Literal["val", "test"] = "val"
    probes: Annotated[list[str] | None, BeforeValidator(_probes)] = None
    kind: Literal["caption", "referring"] = "caption"
    clusters: Literal["patient", "image"] = "patient"
    by: Names = Field(default_factory=list)
    leaks: bool | None = None
    leak_free: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)
    limit: int = Field(0, ge=0)
    texts: Annotated[list[str], BeforeValidator(_texts)] = Field(default_factory=list)
    set: dict[str, Any] = Field(default_factory=dict)


class PaperScore(_Strict):
    """What a paper reports; shown beside ours, never among them.

    Attributes:
        method: as the paper calls it.
        dataset: of the plan.
        dice, iou: 0 to 1.
        aggregation: over what they are averaged; without it a number says little, and where it is not stated, that.
        kind: a text-guided network, one built on SAM, or on a vision-language model trained before.
        resolution: pixels at which it was scored.
        source: where it stands.
        beside: the method of the plan that has its architecture, whose score is shown as no reproduction.
        command: that would reproduce it, where its encoders and its split are at hand.
    """

    method: str
    dataset: str
    dice: float | None = Field(None, ge=0, le=1)
    iou: float | None = Field(None, ge=0, le=1)
    aggregation: Literal["per image", "pooled", "not stated"]
    kind: Literal["network", "SAM-style", "VLM"] = "network"
    resolution: int | str | None = None
    source: str = Field(min_length=1)
    beside: str = ""
    command: str = ""


class Plan(_Strict):
    """Methods x data sets x seeds x sentence variants under one budget.

    Attributes:
        title: of the page.
        notes: a paragraph for the page.
        budget: of each cell.
        train: settings for every recipe, by their dotted names.
        select: the model of the best validation, or the last one.
        select_on: the split ``val``, or a part of the training cases that is cut off by patient: where ``val`` is what
            is evaluated, the first is a little in favour of whatever profits most from selection.
        validations: how often one looks, evenly over the budget.
        val_limit: cases that are looked at; 0 is all.
        seeds: of each cell.
        methods, datasets: by name.
        texts: sentence variants: columns, null for none at all, or own for each data set's own. Empty is its own; where
            that leaks, what does not leak comes first and is the headline. A method that reads no sentence is run
            once, with the first of them.
        reference: paired differences are against this method; empty is every pair.
        papers: numbers of papers.
        path: of the plan's file; not a key of it.
    """

    title: str
    notes: str = ""
    budget: Budget
    train: dict[str, Any] = Field(default_factory=dict)
    select: Literal["best", "last"] = "best"
    select_on: Literal["val", "train-part"] = "val"
    validations: int = Field(3, ge=1)
    val_limit: int = Field(300, ge=0)
    seeds: Seeds = [0]
    methods: dict[str, Method] = Field(min_length=1)
    datasets: dict[str, Dataset] = Field(min_length=1)
    texts: Annotated[list[str], BeforeValidator(_texts)] = Field(default_factory=list)
    reference: str = ""
    papers: list[PaperScore] = Field(default_factory=list)
    path: Path = Field(Path("plan.yaml"), exclude=True)

    def label(self, method: str) -> str:
        """What the table calls a method."""
        return self.methods[method].label or method

    def dataset_label(self, dataset: str) -> str:
        """What the table calls a data set."""
        return self.datasets[dataset].label or dataset

    def seeds_of(self, method: str) -> list[int]:
        """The seeds of a method."""
        return self.methods[method].seeds or self.seeds

    def texts_of(self, dataset: str) -> list[str]:
        """The sentence variants on a data set, the headline first: columns with commas between them, or ``NULL``."""
        told = self.datasets[dataset]
        own = ",".join(told.text_column)
        if texts := told.texts or self.texts:
            return list(dict.fromkeys(own if text == OWN else text for text in texts))
        return [",".join(told.leak_free) or NULL, own] if told.leaks else [own]


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
