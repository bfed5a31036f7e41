"""What ``lexseg segment`` is asked: images, folders, tables as requests; each opened, and what is told of answers."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.errors import ConfigError
from lexseg.files import check_writable, readable, write_files
from lexseg.language.sides import Laterality
from lexseg.scans.open import SUFFIXES

if TYPE_CHECKING:
    from lexseg.cases.problem import Problem
    from lexseg.outputs.formats import Outputs
    from lexseg.predict.options import Options
    from lexseg.predict.segmenter import Segmenter
    from lexseg.scans.scan import Scan
    from lexseg.scans.window import Window

TABLES = (".csv",)
_VOLUMES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True, slots=True)
class Request:
    """An image or volume and what is asked about it.

    Attributes:
        image: path of the image; of a DICOM series also the folder or zip that holds it.
        texts: the sentences; ``None`` is the null sentence.
        where: what messages call it.
        laterality: whose left the sentences' "left" is; ``None`` if not said.
        spacing: millimetres between pixel centres, (row, column).
        language: of the sentences, as ISO 639-1 code; ``None`` if not said.
    """

    image: Path
    texts: tuple[str | None, ...]
    where: str
    laterality: Laterality | None = None
    spacing: tuple[float, float] | None = None
    language: str | None = None

    @property
    def stem(self) -> str:
        """What the names of its results begin with: the name of the file or folder, without its ending."""
        name = self.image.resolve().name if self.image.name in ("", "..") else self.image.name
        for ending in _VOLUMES:
            if name.lower().endswith(ending) and len(name) > len(ending):
                return name[: -len(ending)]
        return name if self.image.is_dir() else self.image.stem


def collect(
    paths: Sequence[Path], texts: Sequence[str] = (), series: str | None = None
) -> "tuple[list[Request], list[Problem]]":
    """Find out what is asked.

    Args:
        paths: images and volumes; folders, whose PNGs, NIfTI files and the like are taken in the order of their names,
            and whose DICOM files are taken for one series (what else lies there is told of as a warning); and CSV
            tables with the column
            ``image`` (relative to the table's folder and inside it) and optionally ``text``, ``laterality``,
            ``language`` and ``spacing``.
        texts: the sentences for all images; none is the null sentence.
        series: of a folder's DICOM files the one that is meant; its pictures are then left out.

    Returns:
        The requests, and what is wrong with the rest, as errors; as warnings what a folder holds that is left out.

    Raises:
        ConfigError: if sentences are given beside a table that has its own.
    """
    requests: list[Request] = []
    problems: list[Problem] = []
    asked = tuple(texts) or (None,)
    for path in paths:
        if path.is_dir():
            from lexseg.cli.request_folder import of_folder

            found, wrong = of_folder(path, (*SUFFIXES, *_VOLUMES), series)
            requests += [Request(image, asked, str(image)) for image in found]
            problems += wrong
        elif path.suffix.lower() in TABLES:
            from lexseg.cli.request_table import read_table

            rows, wrong = read_table(path, asked)
            requests += [
                Request(case.image, own, case.where, case.laterality, case.spacing, case.language) for case, own in rows
            ]
            problems += wrong
        else:
            requests.append(Request(path, asked, str(path)))
    return requests, problems


def output_stems(requests: Iterable[Request]) -> list[list[str]]:
    """A name for each request's each sentence: the stem, with ``_2``, ``_3``, ... where it is taken.

    Names differ by more than capitals, as some file systems do not tell them apart. A sentence is never part of a name.
    """
    stems = [[request.stem] * len(request.texts) for request in requests]
    taken = {stem.casefold() for each in stems for stem in each}  # the first of a stem keeps it, whatever comes before
    kept: set[str] = set()
    names: list[list[str]] = []
    for each in stems:
        names.append([])
        for stem in each:
            name, n = stem, 2
            while name.casefold() in kept or (n > 2 and name.casefold() in taken):
                name, n = f"{stem}_{n}", n + 1
            kept.add(name.casefold())
            names[-1].append(name)
    return names


# --- what is written, and how it is asked --------------------------------------------


def outputs_of(args: argparse.Namespace, model_name: str, model_version: str | None) -> "Outputs":
    """How masks are written, as the options say."""
    from lexseg.outputs.formats import Outputs

    return Outputs(
        format=args.format,
        capture=args.capture,
        gsps=args.gsps,
        include_text=args.include_text,
        bare=args.bare_seg,
        model_name=model_name,
        model_version=model_version or "unknown",
    )


def files_of(args: argparse.Namespace, stem: str) -> list[Path]:
    """The files that an answer may have: those that may hold its mask, the overlay, and last the numbers.

    Args:
        args: the options.
        stem: the beginning of the names.

    Raises:
        ConfigError: if there is no such format of what is written together.
    """
    outputs = outputs_of(args, "", None)
    if args.together:
        from lexseg.outputs.together import together_files

        return together_files(args.output, stem, outputs)
    from lexseg.outputs.formats import result_files

    return result_files(args.output, stem, outputs.endings)


def real(path: Path) -> Path:
    """Where a path leads; one that leads in a circle is its reader's to refuse, where `Path.resolve` raises."""
    return Path(os.path.realpath(path))


def check_output(args: argparse.Namespace, inputs: list[Path], targets: set[Path]) -> None:
    """Refuse results over the inputs, or into a folder that cannot be written to.

    Raises:
        ConfigError: if so.
    """
    overwritten = sorted(str(path) for path in inputs if real(path) in targets)
    if overwritten:
        raise ConfigError(f"the results would overwrite {overwritten[0]}; give another --output")
    for path in inputs:
        if path.is_dir() and real(args.output).is_relative_to(real(path)):
            raise ConfigError(f"--output {args.output} lies in {path}, which is read as one series; give another")
    check_writable(args.output)


def open_asked(
    path: Path, args: argparse.Namespace, spacing: tuple[float, float] | None
) -> "tuple[Scan, Window | None]":
    """The scan, with the spacing that the user gave instead of its own, and the window that the user asked for.

    Raises:
        DataError: if it cannot be read.
        ConfigError: if it has no window to choose, or cannot be written in the format that is asked for.
    """
    from lexseg.scans.open import open_scan
    from lexseg.scans.window import parse_window

    scan = open_scan(path, series=args.series, channel=args.channel, modality=args.modality)
    if spacing is not None:
        scan = replace(scan, spacing=spacing)
    outputs = outputs_of(args, "", None)
    outputs.check(scan)
    if (note := outputs.note(scan)) is not None:
        scan = replace(scan, notes=(*scan.notes, note))
    window = None if args.window is None else parse_window(args.window)
    if window is not None and (scan.color or scan.format == "image"):
        raise ConfigError(f"{path}: --window is for CT, MR and X-ray in DICOM, NIfTI or NRRD; leave it out")
    if args.tile is not None and scan.is_volume:
        raise ConfigError(f"{path}: --tile is for single images, and this is a volume; leave it out")
    if args.slices is not None and not scan.is_volume:
        raise ConfigError(f"{path}: --slices is for volumes, and this is a single image; leave it out")
    return scan, window


def about(scan: "Scan", path: Path, window: "Window | None") -> dict[str, Any]:
    """What the JSON says of an image first: its name and, of a medical format, what the header says."""
    if scan.format == "image":
        return {"image": readable(str(path))}
    shown = None if scan.color else window or scan.windows[0]
    return {
        "image": readable(str(path)),
        "format": scan.format,
        "modality": scan.modality,
        "patient_left": scan.patient_left,
        "window": None if shown is None else {"width": shown.width, "level": shown.level},
        "notes": list(scan.notes),
    }


def asked_how(segmenter: "Segmenter", args: argparse.Namespace) -> dict[str, Any]:
    """What the JSON says of the model."""
    return {
        "model": segmenter.name,
        "model_sha256": segmenter.sha256,
        "model_laterality": segmenter.laterality,
        "tta": args.tta,
    }


def options_of(args: argparse.Namespace, request: Request | None = None) -> "Options":
    """How a question is asked, as the command's options say; what they leave open, a table's ``request`` says."""
    from lexseg.predict.options import Options

    laterality = args.laterality or (request.laterality if request else None)
    language = args.language or (request.language if request else None)
    return Options(threshold=args.threshold, laterality=laterality, language=language, anyway=args.anyway, tta=args.tta)


# --- an open request ----------------------------------------------------------------


class Clock:
    """Seconds since the lap before, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note the seconds under a name."""
        now = time.perf_counter()
        self.seconds[name], self._last = round(now - self._last, 4), now


@dataclass(frozen=True)
class Job:
    """A request whose scan is open, and what is told and written of its answers."""

    segmenter: "Segmenter"
    request: Request
    args: argparse.Namespace
    scan: "Scan"
    window: "Window | None"
    clock: Clock
    outputs: "Outputs"

    def told(self, doubts: Iterable[str]) -> None:
        """Say what is doubtful of an answer, each doubt once."""
        for doubt in dict.fromkeys(doubts):
            say(f"warning: {self.request.where}: {doubt}", aside=True)

    def record(self, number: int, doubts: Sequence[str]) -> dict[str, Any]:
        """What the JSON of the answer to a sentence, from 1, says first."""
        return {
            **about(self.scan, self.request.image, self.window),
            "sentence": number,
            **asked_how(self.segmenter, self.args),
            "warnings": list(doubts),
            "seconds": dict(self.clock.seconds),
        }

    def write(self, result: tuple[dict[str, Any], dict[Path, bytes]]) -> None:
        """Write an answer's files, all of them or none, and say so in a line."""
        values, contents = result
        write_files(contents)
        say(f"{self.request.image.name} -> {next(iter(contents))}: {found_words(values)}")


def say(line: str, *, aside: bool = False) -> None:
    """Print a line in one piece: `print` writes its end apart, where the line of another image may come between."""
    (sys.stderr if aside else sys.stdout).write(f"{line}\n")


def found_words(values: dict[str, Any]) -> str:
    """What a line of print says of an answer."""
    from lexseg.predict.answered import in_words, marked

    if values["state"] != "found":
        return in_words(values)
    mark = f"; {marked(values)}" if values["anyway"] else ""
    if "voxels" in values:
        first, last = values["frames"]
        size = f"{values['voxels']} voxels" if values["ml"] is None else f"{values['ml']:.2f} ml"
        return f"{size} in {len(values['frames_found'])} of {last - first + 1} frames{mark}"
    area, n = values["area"], values["n_components"]
    return f"{area['px']} px ({area['fraction']:.1%}) in {n} component{'s' * (n != 1)}{mark}"
