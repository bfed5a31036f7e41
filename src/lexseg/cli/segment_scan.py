"""What ``lexseg segment`` does with one image or volume: open, ask, write, tell."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lexseg.outputs.formats import Outputs
    from lexseg.predict.options import Options
    from lexseg.predict.requests import Request
    from lexseg.predict.segmentation import Segmentation
    from lexseg.predict.segmenter import ImageSession, Segmenter
    from lexseg.scans.scan import Scan
    from lexseg.scans.window import Window


class Clock:
    """Seconds since the lap before, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note the seconds under a name."""
        now = time.perf_counter()
        self.seconds[name], self._last = round(now - self._last, 4), now


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
    from lexseg.files import check_writable

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
        return {"image": str(path)}
    shown = None if scan.color else window or scan.windows[0]
    return {
        "image": str(path),
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


def options_of(args: argparse.Namespace, request: "Request | None" = None) -> "Options":
    """How a question is asked, as the command's options say; what they leave open, a table's ``request`` says."""
    from lexseg.predict.options import Options

    laterality = args.laterality or (request.laterality if request else None)
    language = args.language or (request.language if request else None)
    return Options(threshold=args.threshold, laterality=laterality, language=language, anyway=args.anyway, tta=args.tta)


def segment_scan(
    segmenter: "Segmenter",
    request: "Request",
    names: list[str],
    args: argparse.Namespace,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Answer a request, and write each answer's files, all of them or none.

    Args:
        segmenter: what answers.
        request: the image or volume, and what is asked.
        names: what each answer's files begin with.
        args: the options.
        progress: called with the frames that are done, and all, of a volume.
    """
    from lexseg.predict.answered import noted

    clock = Clock()
    scan, window = open_asked(request.image, args, request.spacing or args.spacing)
    scan = noted(scan, segmenter.modalities)
    clock.lap("read")
    for note in scan.notes:
        print(f"note: {request.where}: {note}", file=sys.stderr)
    job = _Job(segmenter, request, args, scan, window, clock, outputs_of(args, segmenter.name, segmenter.sha256))
    if args.together:
        job.together(names[0], progress)
    elif scan.is_volume:
        job.volume(names, progress)
    else:
        job.image(names)


@dataclass(frozen=True)
class _Job:
    """A request whose scan is open."""

    segmenter: "Segmenter"
    request: "Request"
    args: argparse.Namespace
    scan: "Scan"
    window: "Window | None"
    clock: Clock
    outputs: "Outputs"

    def image(self, names: list[str]) -> None:
        """Answer about the only frame, one sentence after the other."""
        from lexseg.outputs.formats import result_contents
        from lexseg.predict.ask import look

        args, scan = self.args, self.scan
        image = scan.show(0, self.window)
        (session,) = look(self.segmenter, [(scan, image)], tta=args.tta)
        self.clock.lap("image")
        for number, (text, name) in enumerate(zip(self.request.texts, names, strict=True), start=1):
            result = self._asked(session, image, text)
            self.clock.lap("sentence")
            self._told(result.doubts)
            record = self._record(number, result.doubts)
            options: dict[str, Any] = {
                "encode": self.outputs.encoder(scan, self.window),
                "caption": self.outputs.caption,
            }
            self._write(
                result_contents(args.output, name, image, result, record, include_text=args.include_text, **options)
            )

    def _asked(self, session: "ImageSession", image: "NDArray[np.float32]", text: str | None) -> "Segmentation":
        """The answer to one sentence, about the image as a whole or tile by tile."""
        from lexseg.predict.ask import ask

        options = options_of(self.args, self.request)
        if self.args.tile is None:
            return ask(self.segmenter, session, [text], options)[0]
        from lexseg.predict.tiles import Tiles, segment_tiled
        from lexseg.predict.words import Sides

        tiles, sides = Tiles(self.args.tile), Sides.of(self.scan)
        return segment_tiled(self.segmenter, image, text, tiles, options, spacing=self.scan.spacing, sides=sides)

    def volume(self, names: list[str], progress: Callable[[int, int], None] | None) -> None:
        """Answer all sentences about each slice, and then write."""
        from lexseg.outputs.volume_results import volume_contents
        from lexseg.predict.ask import ask

        args, scan = self.args, self.scan
        asked = options_of(args, self.request)
        frames = None if args.slices is None else range(args.slices[0], args.slices[1] or scan.shape[0])
        asked = replace(asked, frames=frames, window=self.window, progress=progress)
        results = ask(self.segmenter, scan, self.request.texts, asked)
        self.clock.lap("frames")
        self._told(doubt for result in results for doubt in result.doubts)
        options: dict[str, Any] = {"encode": self.outputs.encoder(scan, self.window), "caption": self.outputs.caption}
        for number, (result, name) in enumerate(zip(results, names, strict=True), start=1):
            record = self._record(number, result.doubts)
            self._write(
                volume_contents(
                    args.output,
                    name,
                    scan,
                    result,
                    record,
                    include_text=args.include_text,
                    window=self.window,
                    **options,
                )
            )

    def together(self, name: str, progress: Callable[[int, int], None] | None) -> None:
        """Answer all sentences, and write them as one map."""
        from lexseg.files import write_files
        from lexseg.outputs.formats import AnyAnswer
        from lexseg.outputs.together import together_contents
        from lexseg.predict.ask import ask, look

        args, scan = self.args, self.scan
        asked = options_of(args, self.request)
        answers: Sequence[AnyAnswer]
        if scan.is_volume:
            frames = None if args.slices is None else range(args.slices[0], args.slices[1] or scan.shape[0])
            asked = replace(asked, frames=frames, window=self.window, progress=progress)
            answers = ask(self.segmenter, scan, self.request.texts, asked)
        else:
            (session,) = look(self.segmenter, [(scan, scan.show(0, self.window))], tta=args.tta)
            answers = ask(self.segmenter, session, self.request.texts, asked)
        self.clock.lap("answers")
        doubts = list(dict.fromkeys(doubt for answer in answers for doubt in answer.doubts))
        self._told(doubts)
        record = self._record(len(answers), doubts)
        record["sentences"] = record.pop("sentence")
        values, contents = together_contents(args.output, name, scan, answers, record, self.outputs, window=self.window)
        write_files(contents)
        found = sum(label["found"] > 0 for label in values["labels"])
        print(f"{self.request.image.name} -> {next(iter(contents))}: {found} of {len(answers)} sentences found")

    def _told(self, doubts: Iterable[str]) -> None:
        for doubt in dict.fromkeys(doubts):
            print(f"warning: {self.request.where}: {doubt}", file=sys.stderr)

    def _record(self, number: int, doubts: Sequence[str]) -> dict[str, Any]:
        return {
            **about(self.scan, self.request.image, self.window),
            "sentence": number,
            **asked_how(self.segmenter, self.args),
            "warnings": list(doubts),
            "seconds": dict(self.clock.seconds),
        }

    def _write(self, result: tuple[dict[str, Any], dict[Path, bytes]]) -> None:
        from lexseg.files import write_files

        values, contents = result
        write_files(contents)
        print(f"{self.request.image.name} -> {next(iter(contents))}: {found_words(values)}")


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


def slices(value: str) -> tuple[int, int | None]:
    """``A:B`` as the first slice and the one after the last; a half may be left out.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    try:
        first, last = (int(part) if part.strip() else None for part in value.split(":"))
    except ValueError:
        first, last = -1, -1
    if (first or 0) < 0 or (last is not None and last <= (first or 0)):
        raise argparse.ArgumentTypeError(
            f"{value}: expected A:B, the first slice and the one after the last, counted from 0, such as 20:40"
        )
    return first or 0, last
