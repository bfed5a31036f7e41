"""Scores a model, or another tool's masks, on cases."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lexseg._moved import renamed
from lexseg.cases.case import Case
from lexseg.cases.truth import truth_of
from lexseg.errors import ConfigError, check_flags
from lexseg.evaluation.cases import check_cases, file_names, group_values
from lexseg.evaluation.classes import Classes
from lexseg.evaluation.expressions import WORDINGS, check_probes, probe_names, questions_about
from lexseg.evaluation.gallery import Gallery, choose_compared, choose_expressions
from lexseg.evaluation.output import MASKS, fresh_folder
from lexseg.evaluation.probes import Questions
from lexseg.evaluation.provenance import describe_data, describe_source, now, versions
from lexseg.evaluation.report import Report
from lexseg.evaluation.scores import CaseScore, Cut, resize_truth, score_case
from lexseg.evaluation.sources import (
    BATCH,
    Found,
    PredictionFolder,
    Predictor,
    ask_model,
    operating_points,
    presence_threshold,
)
from lexseg.evaluation.summary import summarise
from lexseg.evaluation.switching import Switching

Progress = Callable[[int, int], None]
"""Called with the number of cases that are done and of all."""
__getattr__ = renamed(__name__)


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How cases are scored: threshold, size, repetitions, and what is probed.

    Attributes:
        threshold: probability from which on a pixel is foreground, between 0 and 1; ``None`` takes the model's own.
        tta: test-time augmentation.
        size: side of the square that masks and references are resized to before scoring, to compare with papers that
            score so; ``None`` is native.
        seed: of the shuffled sentences, the intervals and the choice of examples.
        n_resamples: bootstrap samples.
        probes: the honesty probes to make, by name; ``None`` makes all that the cases allow.
        wordings: how many wordings of a referring expression are asked; the first is the one that is scored.
        by: columns of the manifest whose values are scored as groups of their own.
        classes: the column of the manifest that names each row's class, to score classes on one map of an image;
            empty for none.
        batch: images that a model is asked about at once, at most.
        controls: ask the controls, too (:data:`lexseg.evaluation.probes.CONTROLS`).
    """

    threshold: float | None = None
    tta: bool = False
    size: int | None = None
    seed: int = 0
    n_resamples: int = 2000
    probes: tuple[str, ...] | None = None
    wordings: int = WORDINGS
    by: tuple[str, ...] = ()
    classes: str = ""
    batch: int = BATCH
    controls: bool = False

    def __post_init__(self) -> None:
        check_flags(tta=self.tta, controls=self.controls)
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ConfigError(f"a threshold of {self.threshold:g}: it must lie between 0 and 1")
        if self.size is not None and not 1 <= self.size <= 10_000:
            raise ConfigError(f"a size of {self.size}: it must lie between 1 and 10000 pixels")
        if self.batch < 1:
            raise ConfigError(f"a batch of {self.batch} images: ask about at least 1")
        if self.wordings < 1:
            raise ConfigError(f"{self.wordings} wordings: ask at least 1, which is the sentence itself")
        if self.n_resamples < 1:
            raise ConfigError(f"{self.n_resamples} bootstrap samples: at least 1 is needed")
        if self.seed < 0:
            raise ConfigError(f"a seed of {self.seed}: a whole number from 0 was expected")
        check_probes(self.probes or ())


def evaluate(
    source: Predictor | PredictionFolder,
    cases: Sequence[Case],
    options: EvaluationOptions | None = None,
    *,
    notes: Mapping[str, Any] | None = None,
    masks_to: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Scores masks at the images' own size, and a model by the honesty probes too.

    Args:
        source: a model to ask, or a folder of masks.
        cases: what to score; each has a mask, or says by ``present`` whether its target is there. Where that is all
            that is known of a target, the case counts in presence and among the missed, not in the scores of masks.
        options: how to score.
        notes: what else the report is to say: the split, the text column, ...
        masks_to: an existing folder to write the masks to.
        progress: told how far it is.

    Returns:
        the report, not yet written.

    Raises:
        DataError: with all problems of the cases and of the masks, before anything is run.
        TextError: with all sentences that the model cannot read.
    """
    options = options or EvaluationOptions()
    groups = {column: group_values(cases, column) for column in options.by}
    questions, answers = _prepare(source, cases, options)
    cut = Cut(_threshold(source, options), presence_threshold(source), options.size)
    unit = "mm" if all(case.spacing is not None for case in cases) else "px"
    names = file_names(cases)
    gallery = Gallery(choose_compared(questions, seed=options.seed), choose_expressions(cases, seed=options.seed))
    switching = Switching(cases)
    classes = Classes(cases, options.classes) if options.classes else None
    scored: dict[int, CaseScore] = {}
    for index, answer in answers:
        case = cases[index]
        truth = resize_truth(truth_of(case), options.size)
        masks = {name: cut.mask(each) for name, each in answer.items()}
        scored[index] = score_case(case, answer, truth, masks, in_mm=unit == "mm")
        switching.add(index, masks["given"], truth.mask)
        if classes is not None:
            found = cut.found(answer["given"])
            classes.add(index, found, masks["given"], truth.mask, located=truth.located)
        if options.size is not None:
            masks = {name: cut.native().mask(each) for name, each in answer.items()}
        gallery.offer(index, scored[index], masks)
        if masks_to is not None:
            Image.fromarray(masks["given"].astype(np.uint8) * 255).save(masks_to / f"{names[case.id]}.png")
        if progress is not None:
            progress(len(scored), len(cases))
    scores = [scored[index] for index in range(len(cases))]
    summary = summarise(
        scores,
        questions,
        unit=unit,
        size=options.size,
        n_resamples=options.n_resamples,
        seed=options.seed,
        presence_threshold=cut.presence,
        operating_points=operating_points(source),
        switches=switching.scores,
        groups=groups,
    )
    predicted = isinstance(source, PredictionFolder)
    scored_classes = classes.summary(n_resamples=options.n_resamples, seed=options.seed) if classes else None
    summary |= {
        "classes": scored_classes,
        "model": describe_source(source, cases),
        "data": describe_data(cases),
        "threshold": None if predicted else cut.threshold,
        "tta": options.tta,
        "laterality": None if isinstance(source, PredictionFolder) else source.laterality,
        **(notes or {}),
        "seed": options.seed,
        "date": now(),
        "versions": versions(),
    }
    return Report(summary, scores, questions, gallery, names if masks_to is not None else {}, groups)


def evaluate_to(
    output: Path | str,
    source: Predictor | PredictionFolder,
    cases: Sequence[Case],
    options: EvaluationOptions | None = None,
    *,
    save_masks: bool = False,
    include_text: bool = False,
    notes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report:
    """`evaluate`, written to a folder that appears when everything is in it, and not before.

    Args:
        output: the folder; it may hold an earlier evaluation, which is replaced, and nothing else.
        source: as in `evaluate`, as are the arguments that are not named here.
        cases: what to score.
        options: how to score.
        save_masks: also write the masks to ``masks/<id>.png``, 0 and 255.
        include_text: show sentences, which are patient data, in the table and on the page.
        notes: what else the report is to say.
        progress: told how far it is.
    """
    check_flags(save_masks=save_masks, include_text=include_text)
    inputs = [path for case in cases for path in (case.source, case.image, case.mask) if path is not None]
    if isinstance(source, PredictionFolder):
        inputs.append(source.folder)
    with fresh_folder(Path(output), inputs=inputs) as folder:
        masks_to = folder / MASKS if save_masks else None
        if masks_to is not None:
            masks_to.mkdir()
        report = evaluate(source, cases, options, notes=notes, masks_to=masks_to, progress=progress)
        report.write(folder, include_text=include_text)
    return report


def _prepare(
    source: Predictor | PredictionFolder, cases: Sequence[Case], options: EvaluationOptions
) -> tuple[Questions, Iterator[tuple[int, dict[str, Found]]]]:
    """What is asked, and the answers to come, once everything that is to be read has been read."""
    if isinstance(source, PredictionFolder):
        if options.threshold is not None or options.tta:
            raise ConfigError("a threshold or test-time augmentation changes nothing about masks that are made already")
        files = source.match(cases)
        check_cases(cases)
        source.check(cases, files)
        return _silent(cases, "masks from a folder were made with one sentence each"), source.answers(cases, files)
    if not source.uses_text:
        check_cases(cases)
        questions = _silent(cases, "the model reads no sentence")
    else:
        check_cases(cases, getattr(source, "check_text", None), wordings=options.wordings)
        questions = questions_about(
            cases,
            source.laterality,
            seed=options.seed,
            probes=options.probes,
            wordings=options.wordings,
            controlled=options.controls or bool(getattr(source, "controlled", False)),
        )
    return questions, ask_model(source, cases, questions, tta=options.tta, batch=options.batch)


def _silent(cases: Sequence[Case], why: str) -> Questions:
    return Questions((None,) * len(cases), missing=dict.fromkeys(probe_names(cases), why))


def _threshold(source: Predictor | PredictionFolder, options: EvaluationOptions) -> float:
    if isinstance(source, PredictionFolder):
        return 0.5
    return source.threshold if options.threshold is None else options.threshold
