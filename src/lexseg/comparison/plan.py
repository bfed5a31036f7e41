"""What a comparison is told: methods, data sets, seeds and sentences, and the one budget they share."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lexseg._moved import renamed

NULL = "null"
"""The name of the sentence variant without words: trained, validated and asked with the null sentence."""

OWN = "own"
"""The name of the sentence variant that each data set calls its own: its ``text_column``."""

PROBES = {"none": "none", "shuffled": "shuffled", "swapped": "swapped", "mirrored": "swapped"} | {
    name: name for name in ("irrelevant", "other", "absent", "class-free")
}
"""The honesty probes by the names that a plan may use; those of ``lexseg evaluate`` are the values."""


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


__getattr__ = renamed(__name__)
