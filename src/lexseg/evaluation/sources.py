"""Where the masks to be scored come from: a model that is asked, or a folder that another tool has filled."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.cases.mask_values import meaning, table, values_of
from lexseg.cases.problem import Problem, describe
from lexseg.errors import DataError
from lexseg.evaluation.cases import file_names
from lexseg.evaluation.probes import Questions, Sentence
from lexseg.files import plain_name
from lexseg.language.sides import Laterality
from lexseg.scans.images import image_size, read_image
from lexseg.scans.masks import read_mask

BATCH = 16
"""Images that a model is asked about at once, where nothing else is said."""
_BATCH_PIXELS = 2**26


@dataclass(frozen=True, slots=True)
class Found:
    """What one sentence about one image is answered with.

    Attributes:
        found: a mask bool[H, W], or probabilities float32[H, W], at the image's own size.
        presence: calibrated probability, 0..1, that what the sentence names is in the image; ``None`` where it is not
            said.
    """

    found: NDArray[np.bool_] | NDArray[np.float32]
    presence: float | None = None


class Predictor(Protocol):
    """What evaluation needs of a model; `lexseg.predict.segmenter.Segmenter` is one.

    A model that also says whether the target is there has two members more: ``answer_batch``, which is asked like
    ``segment_batch`` and gives objects with ``probability`` and ``presence``, and ``presence_threshold``, below which
    the mask is empty (`presence_threshold`).

    Attributes:
        name: as the user named it.
        sha256: of the weights; ``None`` if unknown.
        threshold: probability from which on a pixel is foreground.
        laterality: whose left "left" is in the model's sentences.
        uses_text: false for image-only models.
    """

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str | None: ...

    @property
    def threshold(self) -> float: ...

    @property
    def laterality(self) -> Laterality | None: ...

    @property
    def uses_text(self) -> bool: ...

    def segment_batch(
        self, images: Sequence[NDArray[Any]], texts: Sequence[Sequence[Sentence]], tta: bool = False
    ) -> list[list[NDArray[np.float32]]]:
        """Probabilities float32[H, W] for each image and each of its sentences."""
        ...


def presence_threshold(source: object) -> float | None:
    """Presence below which a model answers "not found" by an empty mask; ``None`` where it never does."""
    value = getattr(source, "presence_threshold", None)
    return None if value is None else float(value)


def operating_points(source: object) -> dict[str, float]:
    """By name the other thresholds of presence that a model has; empty where it has none, or never says "not found"."""
    points = getattr(source, "operating_points", None)
    return {} if presence_threshold(source) is None else dict(points or {})


class PredictionFolder:
    """Masks that any other tool has written: ``<id>.png``, or ``<stem>.png`` or ``<stem>_mask.png`` after the image.

    Args:
        folder: where they are; ids with a folder in them (``qata/covid_1``) are looked for in sub-folders too.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: there is no such folder of predicted masks")
        self._files = {
            plain_name(path.relative_to(self.folder).as_posix()): path for path in sorted(self.folder.rglob("*.png"))
        }

    @property
    def name(self) -> str:
        """What the predictions are called: their folder's name."""
        return self.folder.resolve().name

    def match(self, cases: Sequence[Case]) -> dict[str, Path]:
        """The file of each case, by id.

        Raises:
            DataError: that lists cases without a mask and masks that two cases would share; of many, some.
        """
        stems = Counter(case.image.stem for case in cases)
        safe = file_names(cases)
        found: dict[str, Path] = {}
        problems: list[Problem] = []
        owner: dict[Path, Case] = {}
        for case in cases:
            names = [case.id, safe[case.id]]
            # of several cases with one image, or images of one name, only the id says which is meant
            if stems[case.image.stem] == 1:
                names.append(case.image.stem)
            candidates = [plain_name(f"{name}{end}.png") for name in names for end in ("", "_mask")]
            path = next((self._files[name] for name in candidates if name in self._files), None)
            if path is None:
                tried = " or ".join(dict.fromkeys(candidates))
                problems.append(Problem("error", case.row, None, f"case {case.id!r}: no {tried}", case.source))
            elif path in owner:
                message = f"{path.name} would be the mask of both {owner[path].id!r} and {case.id!r}; name masks by id"
                problems.append(Problem("error", case.row, None, message, case.source))
            else:
                owner[path] = case
                found[case.id] = path
        if problems:
            number = f"{len(problems)} of {len(cases)} cases"
            raise DataError(f"{self.folder}: {number} have no mask of their own:\n{describe(problems, limit=10)}")
        return found

    def check(self, cases: Sequence[Case], files: Mapping[str, Path]) -> None:
        """Reads every mask before anything is scored.

        Args:
            cases: whose images can be read.
            files: what `match` found for them.

        Raises:
            DataError: that lists all that cannot be read or differ from the image in size.
        """
        problems = []
        labels = self.labels(cases, files)
        for case in cases:
            path = files[case.id]
            try:
                shape, expected = read_mask(path, labels[case.id]).shape, image_size(case.image)
            except DataError as error:
                problems.append(Problem("error", case.row, None, str(error), case.source))
                continue
            if shape != expected:
                message = (
                    f"{path}: {shape[1]} x {shape[0]} pixels, but the image is {expected[1]} x {expected[0]}; "
                    "masks are scored at the image's own size"
                )
                problems.append(Problem("error", case.row, None, message, case.source))
        if problems:
            number = f"{len(problems)} predicted mask" + ("s" if len(problems) > 1 else "")
            raise DataError(f"{number} cannot be scored:\n{describe(problems)}")

    def answers(self, cases: Sequence[Case], files: Mapping[str, Path]) -> Iterator[tuple[int, dict[str, Found]]]:
        """The index of each case and its mask, as `ask_model` gives them."""
        labels = self.labels(cases, files)
        for index, case in enumerate(cases):
            yield index, {"given": Found(read_mask(files[case.id], labels[case.id]))}

    def labels(self, cases: Sequence[Case], files: Mapping[str, Path]) -> dict[str, int | None]:
        """The value that is foreground in each case's predicted mask; ``None`` for the larger of two.

        Where the manifest's masks hold labels, predictions may hold the same ones, or 0 and another value that means
        "found"; that is decided once for the folder.

        Args:
            cases: what is scored.
            files: what `match` found for them.

        Raises:
            DataError: if what the values mean is open.
        """
        values = values_of(files[case.id] for case in cases)
        held = {value for each in values.values() for value in each} - {0}
        wanted = {case.label for case in cases if case.label is not None}
        if wanted:
            references = values_of(case.mask for case in cases if case.label is not None and case.mask is not None)
            known = {value for each in references.values() for value in each} | wanted
            if held <= known and (len(held) != 1 or held == wanted):
                return {case.id: case.label for case in cases}
            problem = "" if len(held) == 1 and not held & known else f"the masks hold {table(values)}"
        else:
            problem = meaning(values).open
        if problem:
            named = f"; the manifest's labels are {', '.join(map(str, sorted(wanted)))}" if wanted else ""
            raise DataError(
                f"{self.folder}: what the values of the predicted masks mean is open: {problem}{named}; save masks of "
                "0 and 255, or with the labels of the manifest"
            )
        return dict.fromkeys(files, meaning(values).label)

    def fingerprint(self, files: Mapping[str, Path]) -> str:
        """SHA-256 of the masks that are scored."""
        rows = (f"{case}\0{hashlib.sha256(path.read_bytes()).hexdigest()}" for case, path in sorted(files.items()))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def ask_model(
    model: Predictor, cases: Sequence[Case], questions: Questions, *, tta: bool = False, batch: int = BATCH
) -> Iterator[tuple[int, dict[str, Found]]]:
    """Asks a model about each case: the given sentence, its other wordings and all probes at once.

    Cases that share an image are asked together and equal sentences once, so that an image is encoded once and a
    probe that changes nothing costs nothing.

    Args:
        model: the model.
        cases: the cases.
        questions: what each is asked.
        tta: test-time augmentation.
        batch: images at once; fewer where they are large.

    Yields:
        the index of a case, in any order but those of one image in a row, and the answers by the names of
        `Questions.asked`.
    """
    portions = list(_batches(cases, questions, batch))
    asked = [_portion(portion, cases, questions) for portion in portions]
    answer_files = getattr(model, "answer_files", None)  # of a model that reads the images itself, where it stands
    heard = answer_files(asked, tta) if answer_files else (answer_portion(model, each, tta) for each in asked)
    for portion, answers in zip(portions, heard, strict=True):
        for members, said in zip(portion, answers, strict=True):
            found = dict(zip(_distinct(members, questions), said, strict=True))
            for index in members:
                yield index, {name: found[text] for name, text in questions.asked(index).items()}


Portion = list[tuple[Path, list[Sentence]]]
"""Images, and what is asked about each."""


def answer_portion(model: Predictor, portion: Portion, tta: bool) -> list[list[Found]]:
    """Read some images, and ask a model about all of them at once."""
    return _answers(model, [read_image(path) for path, _ in portion], [asked for _, asked in portion], tta)


def _portion(portion: list[list[int]], cases: Sequence[Case], questions: Questions) -> Portion:
    return [(cases[members[0]].image, _distinct(members, questions)) for members in portion]


def _answers(
    model: Predictor, images: Sequence[NDArray[Any]], texts: Sequence[Sequence[Sentence]], tta: bool
) -> list[list[Found]]:
    answer_batch = getattr(model, "answer_batch", None)
    if answer_batch is None:
        return [[Found(found) for found in row] for row in model.segment_batch(images, texts, tta=tta)]
    known = presence_threshold(model) is not None
    return [
        [Found(one.probability, one.presence if known else None) for one in row]
        for row in answer_batch(images, texts, tta=tta)
    ]


def _distinct(members: Sequence[int], questions: Questions) -> list[Sentence]:
    return list(dict.fromkeys(text for index in members for text in questions.asked(index).values()))


def _batches(cases: Sequence[Case], questions: Questions, most: int) -> Iterator[list[list[int]]]:
    """Portions of images, each image as the indices of its cases, whose answers are small enough for memory."""
    by_image: dict[Path, list[int]] = {}
    for index, case in enumerate(cases):
        by_image.setdefault(case.image, []).append(index)
    batch: list[list[int]] = []
    pixels = 0
    for path, members in by_image.items():
        height, width = image_size(path)
        needed = height * width * len(_distinct(members, questions))
        if batch and (len(batch) == most or pixels + needed > _BATCH_PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append(members)
        pixels += needed
    if batch:
        yield batch
