"""``lexseg refer``: from images with masks to a referring data set, whole or not there at all."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifests, write_manifest
from lexseg.cases.problem import Problem, describe
from lexseg.datasets.refer.anatomy import ANATOMIES, Anatomy
from lexseg.datasets.refer.attributes import measure
from lexseg.datasets.refer.describe import describe as describe_targets
from lexseg.datasets.refer.expressions import express
from lexseg.datasets.refer.gather import ImageRows, MaskReading, gather
from lexseg.datasets.refer.nouns import NOUNS, Nouns, class_nouns, own_nouns
from lexseg.datasets.refer.questions import Others, foreign_rows, paraphrased, present_rows, without_denials
from lexseg.datasets.refer.rows import caption_rows, expression_rows, false_caption_rows
from lexseg.datasets.refer.sheet import Showable, contact_sheet
from lexseg.datasets.refer.statistics import Statistics
from lexseg.datasets.refer.targets import CrowdedError, Instances
from lexseg.errors import ConfigError, DataError
from lexseg.files import free_name, link_or_copy, new_folder
from lexseg.scans.images import read_image
from lexseg.seeds import case_generator

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ReferSettings:
    """How the data set is made.

    Attributes:
        anatomy: a key of `ANATOMIES`.
        reading: what a target is, and where it is found.
        expressions: how many an image has, at most.
        wordings: how many wordings an expression has, at most.
        captions: keep the sentences of the source as rows about all targets, and those of one side also turned to the
            other, where there is nothing.
        noun: what the targets are called in place of the anatomy's words, such as ``nodule`` or ``focus,foci``.
        min_area: share of the image that a target must take to be spoken of alone.
        seed: of all choices.
        absent: how many expressions an image without targets has, at most.
        general: how many more ask each image for whatever there is, wherever it lies; the only ones of an image whose
            column ``present`` says that something is there, but that has no mask.
        others: how many sentences of other images, which are true of those, an image without targets is asked.
        requests: how many further wordings each plain expression has, at most, as people type them.
        paraphrases: how many further wordings each of these captions has.
        foreign: how many questions each image is asked whose words name nothing that the data teach: of another organ
            or modality, a finding that these images could have, something of everyday life, or nothing at all.
    """

    anatomy: str = "grid"
    reading: MaskReading = field(default_factory=MaskReading)
    expressions: int = 8
    wordings: int = 4
    captions: bool = False
    noun: str | None = None
    min_area: float = 1e-4
    seed: int = 0
    absent: int = 4
    general: int = 0
    others: int = 0
    requests: int = 0
    paraphrases: int = 0
    foreign: int = 0

    def __post_init__(self) -> None:
        if self.anatomy not in ANATOMIES:
            raise ConfigError(f"anatomy {self.anatomy!r} is none of {', '.join(ANATOMIES)}")
        if self.expressions < 1 or self.wordings < 1:
            raise ConfigError("an image needs at least one expression, and an expression one wording")
        if min(self.absent, self.general, self.others, self.requests, self.paraphrases, self.foreign) < 0:
            raise ConfigError("absent, general, others, requests, paraphrases and foreign are numbers, 0 or more")
        if (self.others or self.paraphrases) and not self.captions:
            raise ConfigError("sentences of other images and paraphrases are of captions, so they need captions")
        if not 0 <= self.min_area < 1:
            raise ConfigError(f"the smallest area is a share of the image from 0 to 1, not {self.min_area:g}")
        if self.noun is not None and not self.noun.split(",")[0].strip():
            raise ConfigError("the noun is blank; leave it out for the anatomy's own words")


@dataclass(frozen=True, slots=True)
class ReferReport:
    """What was made. Attributes: manifest: the new one; statistics: in numbers; notes: what was left out or assumed."""

    manifest: Path
    statistics: Statistics
    notes: list[Problem]


def refer(
    paths: Sequence[Path | str],
    output: Path | str,
    settings: ReferSettings | None = None,
    *,
    text_columns: Sequence[str] = ("text",),
    progress: Progress | None = None,
) -> ReferReport:
    """Make a referring data set.

    Args:
        paths: manifests of images with masks.
        output: the folder to make; it may exist if it is empty. In it: ``cases.csv``, ``images/``, ``instances/``,
            ``attributes.json``, ``statistics.json``, ``statistics.md``, ``contact_sheet.png``.
        settings: how; ``None`` takes the defaults.
        text_columns: the columns of the sentences that captions keep.
        progress: is told how far it is: images that are done, and all.

    Raises:
        DataError: with all problems; then there is no ``output``.
        ConfigError: for options that do not fit.
        OSError: if the output cannot be written.
    """
    settings = settings or ReferSettings()
    cases = read_manifests(paths, text_columns=text_columns)
    settings.reading.check(cases)
    with new_folder(Path(output)) as folder:
        builder = _Builder(folder, settings, cases)
        sources = gather(cases)
        for number, source in enumerate(sources, start=1):
            builder.add(source)
            if progress is not None:
                progress(number, len(sources))
        builder.finish()
    return ReferReport(Path(output) / "cases.csv", builder.statistics, builder.notes)


class _Builder:
    """Writes image after image into the folder."""

    def __init__(self, folder: Path, settings: ReferSettings, cases: Sequence[Case]) -> None:
        self.folder, self.settings = folder, settings
        self.anatomy: Anatomy = ANATOMIES[settings.anatomy]
        self.nouns = _nouns(settings, cases)
        self.statistics = Statistics()
        self.notes: list[Problem] = []
        self.problems: list[Problem] = []
        self.rows: list[Case] = []
        self.attributes: list[dict[str, Any]] = []
        self.examples: list[Showable] = []
        self._taken: set[str] = set()
        self._no_laterality = 0
        self._others = Others()
        for name in ("images", "instances"):
            (folder / name).mkdir()

    def add(self, source: ImageRows) -> None:
        """Make the rows of an image."""
        case = source.first
        self.statistics.images += 1
        try:
            found = self.settings.reading.read(source)
            if found is None:
                self._add_present(source)
                return
            image = read_image(source.image)
            if image.shape[:2] != found.labels.shape:
                raise DataError(
                    f"{case.where}: the mask is {found.labels.shape[0]} x {found.labels.shape[1]} pixels, but the "
                    f"image is {image.shape[0]} x {image.shape[1]} (height x width)"
                )
            organ = self.settings.reading.organ(source)
        except CrowdedError:
            self.statistics.skip(case.id, "more targets than can be told apart")
            return
        except DataError as error:
            message = str(error).removeprefix(f"{case.where}: ")  # a problem tells where by itself
            self.problems.append(Problem("error", case.row, "mask", message, case.source))
            return
        settings = self.settings
        targets = measure(found, image, min_area=settings.min_area, spacing=case.spacing, organ=organ)
        anatomy = replace(self.anatomy, framed=organ is not None)
        chosen = express(
            targets,
            anatomy,
            self.nouns,
            number=settings.expressions,
            wordings_each=settings.wordings,
            laterality=case.laterality,
            rng=case_generator(settings.seed, 0, case.id),
            absent=settings.absent,
            general=settings.general,
            requests_each=settings.requests,
        )
        self.statistics.image(targets, chosen.expressions, chosen.doubts)
        if not chosen.expressions:
            self.statistics.skip(case.id, "no unambiguous expression")
            return
        if case.laterality is None:
            self._no_laterality += 1
        image_path = self._take(source.image)
        mask_path = self.folder / "instances" / f"{image_path.stem}.png"
        _save_labels(found, mask_path)
        self.rows += expression_rows(case, chosen.expressions, image_path, mask_path, framed=anatomy.framed)
        if settings.captions:
            captions = without_denials(caption_rows(source, found, settings.reading, image_path, mask_path))
            captions = paraphrased(captions, settings.paraphrases, settings.seed)
            self.rows += captions + false_caption_rows(captions, targets, anatomy)
            self._others.add(case, captions, image_path, mask_path, targets=bool(targets))
        self.rows += foreign_rows(case, image_path, mask_path, anatomy, number=settings.foreign, seed=settings.seed)
        self.attributes.append(
            {
                "image": f"images/{image_path.name}",
                "mask": f"instances/{mask_path.name}",
                **describe_targets(targets, anatomy),
            }
        )
        example = Showable(image_path, mask_path, [(e.kind, e.ids, e.texts[0]) for e in chosen.expressions])
        self.examples.append(example)

    def _add_present(self, source: ImageRows) -> None:
        """An image without a mask: what is known is whether something is there, if that."""
        case, settings = source.first, self.settings
        if case.present != "yes" or not settings.general or set(self.nouns) != {None}:
            self.statistics.skip(case.id, "no mask")
            return
        image_path = self._take(source.image)
        self.rows += present_rows(
            case,
            image_path,
            self.nouns[None],
            self.anatomy,
            number=settings.general,
            wordings_each=settings.wordings,
            requests_each=settings.requests,
            seed=settings.seed,
        )
        self.rows += foreign_rows(case, image_path, None, self.anatomy, number=settings.foreign, seed=settings.seed)

    def _take(self, image: Path) -> Path:
        """Put an image into the folder under a name of its own."""
        path = self.folder / "images" / f"{free_name(image.stem, '', self._taken)}{image.suffix.lower()}"
        link_or_copy(image, path)
        return path

    def finish(self) -> None:
        """Write what is about the whole set."""
        self.rows += self._others.rows(self.settings.others, self.settings.seed)
        if self.problems:
            number = f"{len(self.problems)} problem" + ("s" if len(self.problems) > 1 else "")
            raise DataError(f"nothing was made, {number}:\n{describe(self.problems)}")
        if not self.rows:
            raise DataError(
                f"none of the {self.statistics.images} images gave an expression: {self.statistics.why_skipped()}"
            )
        if self._no_laterality:
            message = (
                f"{self._no_laterality} images do not say whose left is left; the expressions mean the image's, "
                "and the new manifest says so"
            )
            self.notes.append(Problem("info", None, "laterality", message))
        write_manifest(self.folder / "cases.csv", self.rows, text_columns=("text",))
        written = {"version": 1, "anatomy": self.anatomy.name, "images": self.attributes}
        (self.folder / "attributes.json").write_text(json.dumps(written, separators=(",", ":")), encoding="utf-8")
        self.statistics.count_rows(self.rows)
        self.statistics.write(self.folder)
        contact_sheet(self.folder / "contact_sheet.png", self.examples, self.settings.seed)


def _nouns(settings: ReferSettings, cases: Sequence[Case]) -> dict[str | None, Nouns]:
    """What the targets are called: by class where there are classes."""
    reading = settings.reading
    if reading.class_column is not None:
        names = sorted({name for case in cases if (name := reading.class_of(case)) is not None})
    elif reading.targets == "classes":
        names = sorted((reading.class_names or {}).values())
        if not names:
            raise ConfigError("name the classes: which pixel value is what (--class-names 1=liver,2=tumor)")
    else:
        return {None: own_nouns(settings.noun) if settings.noun else NOUNS[settings.anatomy]}
    if settings.noun is not None:
        raise ConfigError("a noun goes with targets of one kind; classes are called as they are named")
    return {name: class_nouns(name) for name in names}


def _save_labels(found: Instances, path: Path) -> None:
    # uncompressed maps of 0, 1, 2 would be larger than the images
    dtype = np.uint8 if len(found) < 256 else np.uint16
    Image.fromarray(found.labels.astype(dtype)).save(path, compress_level=3)
