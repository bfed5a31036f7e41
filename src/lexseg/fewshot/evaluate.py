"""Leave-one-out: each image is asked about once, and taught by all the others of its task."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lexseg.cases.case import Case
from lexseg.cases.truth import read_truth
from lexseg.errors import DataError
from lexseg.fewshot.fit import Teacher, TeachingOptions, words_of
from lexseg.fewshot.labels import Labels
from lexseg.fewshot.seen import Seen
from lexseg.fewshot.support import Example, read_example
from lexseg.fewshot.teach import teach
from lexseg.metrics.overlap import counts
from lexseg.models.io import LoadedModel
from lexseg.models.place import to_native
from lexseg.scans.open import Bool


@dataclass(frozen=True, slots=True)
class Score:
    """One image that was left out.

    Attributes:
        task: that it is of.
        id: its case.
        labels: the column that the others' labels are of.
        shots: how many others there were.
        dice: at the image's own size.
        iou: the same.
        seconds: to teach, the images seen already.
    """

    task: str
    id: str
    labels: str
    shots: int
    dice: float
    iou: float
    seconds: float


def leave_one_out(
    base: LoadedModel,
    cases: Sequence[Case],
    options: TeachingOptions,
    *,
    labels: Sequence[str] = ("mask",),
    task: str | None = None,
    shots: int | None = None,
    label: Callable[[Case, Bool], Labels] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Score]:
    """Score every image by a model that was taught the others of its task.

    Args:
        base: the model whose features are used.
        cases: with whole masks, which are only scored by.
        options: how it is taught.
        labels: the columns of the labels that are taught from, one after the other.
        task: the column that names the task; ``None`` takes all cases for one.
        shots: how many others at most, the first ones; ``None`` takes all.
        label: makes labels of a case's mask, in place of a column.
        progress: told how many were scored, and of how many.

    Raises:
        DataError: a task has fewer than two images, or one cannot be used.
    """
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.extra.get(task, "").strip() if task else "", []).append(case)
    if small := [name for name, own in groups.items() if len(own) < 2]:
        raise DataError(f"task {small[0]!r} has one image; to leave one out, two or more were expected")
    total, done = len(cases) * len(labels), 0
    for name, own in groups.items():
        truths = [read_truth(case) for case in own]
        known: list[Seen] = []
        for column in labels:
            examples = [
                read_example(case, column)
                if label is None
                else Example.of(read_example(case).image, label(case, truth), case.text, where=case.where)
                for case, truth in zip(own, truths, strict=True)
            ]
            for left, (dice, iou, taught, seconds) in enumerate(_each(base, examples, truths, options, shots, known)):
                done += 1
                if progress is not None:
                    progress(done, total)
                yield Score(name, own[left].id, column, taught, dice, iou, seconds)


def _each(
    base: LoadedModel,
    examples: Sequence[Example],
    truths: Sequence[Bool],
    options: TeachingOptions,
    shots: int | None,
    known: list[Seen],
) -> Iterator[tuple[float, float, int, float]]:
    teacher = None
    seen: list[Seen] = []
    if options.head != "finetune":
        teacher = Teacher(base, options, words_of(examples, options.words))
        before: Sequence[Seen | None] = known or [None for _ in examples]
        seen = [teacher.look(example, one) for example, one in zip(examples, before, strict=True)]
        known[:] = seen  # the images need not be looked at again for other labels
    for left, truth in enumerate(truths):
        others = [number for number in range(len(examples)) if number != left][:shots]
        began = time.perf_counter()
        if teacher is not None:
            teacher.fit([seen[number] for number in others])
            model = teacher.model
            seconds = time.perf_counter() - began
            with torch.inference_mode():
                logits = model.answer(seen[left].values[None], seen[left].guide[None])
        else:
            taught = teach(base, [examples[number] for number in others], options)
            seconds = time.perf_counter() - began
            from lexseg.predict.segmenter import Segmenter

            answer = Segmenter(taught.model, size=taught.config.size, device="cpu").segment(examples[left].image)
            found = answer.mask
        if teacher is not None:
            found = np.asarray(to_native(logits[0].numpy().copy(), truth.shape) >= 0.5)
        score = counts(found, truth)
        yield score.dice, score.iou, len(others), seconds
