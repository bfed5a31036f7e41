"""What ``lexseg segment`` does with one image or volume: open, ask, write, tell."""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.errors import ConfigError

if TYPE_CHECKING:
    from lexseg.data.scans.scan import Scan
    from lexseg.data.volumes.window import Window
    from lexseg.dicom.outputs import Outputs
    from lexseg.inference.requests import Request
    from lexseg.inference.segmenter import Segmenter


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
    from lexseg.dicom.outputs import Outputs

    return Outputs(
        format=args.format,
        capture=args.capture,
        include_text=args.include_text,
        model_name=model_name,
        model_version=model_version or "unknown",
    )


def open_asked(
    path: Path, args: argparse.Namespace, spacing: tuple[float, float] | None
) -> "tuple[Scan, Window | None]":
    """The scan, with the spacing that the user gave instead of its own, and the window that the user asked for.

    Raises:
        DataError: if it cannot be read.
        ConfigError: if it has no window to choose, or cannot be written in the format that is asked for.
    """
    from lexseg.data.scans import open_scan
    from lexseg.data.volumes.window import parse_window

    scan = open_scan(path, series=args.series, channel=args.channel)
    if spacing is not None:
        scan = replace(scan, spacing=spacing)
    outputs_of(args, "", None).check(scan)
    window = None if args.window is None else parse_window(args.window)
    if window is not None and (scan.color or scan.format == "image"):
        raise ConfigError(f"{path}: --window is for CT, MR and X-ray in DICOM, NIfTI or NRRD; leave it out")
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
    clock = Clock()
    for text in request.texts:
        segmenter.check_text(text)  # all of them before anything is written
    scan, window = open_asked(request.image, args, request.spacing or args.spacing)
    clock.lap("read")
    for note in scan.notes:
        print(f"note: {request.where}: {note}", file=sys.stderr)
    answer = _volume if scan.is_volume else _image
    answer(segmenter, request, names, args, scan, window, clock, progress)


def _image(
    segmenter: "Segmenter",
    request: "Request",
    names: list[str],
    args: argparse.Namespace,
    scan: "Scan",
    window: "Window | None",
    clock: Clock,
    _: object,
) -> None:
    from lexseg.inference.results import result_contents
    from lexseg.inference.sides import sides_of

    image = scan.show(0, window)
    whose, given = sides_of(scan.patient_left, args.laterality or request.laterality)
    session = segmenter.set_image(image, spacing=scan.spacing, tta=args.tta)
    clock.lap("image")
    encode = outputs_of(args, segmenter.name, segmenter.sha256).encoder(scan)
    for number, (text, name) in enumerate(zip(request.texts, names, strict=True), start=1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = session.segment(text, threshold=args.threshold, laterality=given)
        result = replace(result, laterality=whose or result.laterality)
        clock.lap("sentence")
        doubts = doubts_of(caught, scan, whose, text)
        _tell(request, doubts)
        record = {
            **about(scan, request.image, window),
            "sentence": number,
            **asked_how(segmenter, args),
            "warnings": doubts,
            "seconds": dict(clock.seconds),
        }
        values, contents = result_contents(
            args.output, name, image, result, record, include_text=args.include_text, encode=encode
        )
        written = write_beside(contents, request.image)
        print(f"{request.image.name} -> {written}: {found_words(values)}")


def _volume(
    segmenter: "Segmenter",
    request: "Request",
    names: list[str],
    args: argparse.Namespace,
    scan: "Scan",
    window: "Window | None",
    clock: Clock,
    progress: Callable[[int, int], None] | None,
) -> None:
    from lexseg.inference.volume_results import volume_contents
    from lexseg.inference.volumes import segment_volume

    laterality = args.laterality or request.laterality
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = segment_volume(
            segmenter,
            scan,
            request.texts,
            frames=None if args.slices is None else range(args.slices[0], args.slices[1] or scan.shape[0]),
            window=window,
            threshold=args.threshold,
            laterality=laterality,
            tta=args.tta,
            progress=progress,
        )
    clock.lap("frames")
    encode = outputs_of(args, segmenter.name, segmenter.sha256).encoder(scan)
    doubts = list(dict.fromkeys(d for t in request.texts for d in doubts_of(caught, scan, laterality, t)))
    _tell(request, doubts)
    for number, (result, name) in enumerate(zip(results, names, strict=True), start=1):
        record = {
            **about(scan, request.image, window),
            "sentence": number,
            **asked_how(segmenter, args),
            "warnings": doubts,
            "seconds": dict(clock.seconds),
        }
        values, contents = volume_contents(
            args.output, name, scan, result, record, encode, window=window, include_text=args.include_text
        )
        written = write_beside(contents, request.image)
        print(f"{request.image.name} -> {written}: {found_words(values)}")


def write_beside(contents: dict[Path, bytes], image: Path) -> Path:
    """Write files, all or none, but never over the image; returns the first.

    Raises:
        ConfigError: if one of them is the image.
    """
    from lexseg.inference.writing import write_files

    if image.resolve() in {path.resolve() for path in contents}:
        raise ConfigError(f"the results would overwrite {image}; give another --output")
    write_files(contents)
    return next(iter(contents))


def found_words(values: dict[str, Any]) -> str:
    """What a line of print says of an answer."""
    from lexseg.inference.results import in_words

    if not values["found"]:
        return in_words(values)
    if "voxels" in values:
        first, last = values["frames"]
        size = f"{values['voxels']} voxels" if values["ml"] is None else f"{values['ml']:.2f} ml"
        return f"{size} in {len(values['frames_found'])} of {last - first + 1} frames"
    area, n = values["area"], values["n_components"]
    return f"{area['px']} px ({area['fraction']:.1%}) in {n} component{'s' * (n != 1)}"


def doubts_of(caught: list[warnings.WarningMessage], scan: "Scan", whose: str | None, text: str | None) -> list[str]:
    """What is doubtful about an answer, as sentences."""
    from lexseg.text.wording import mentions_side

    doubts = [str(warning.message) for warning in caught]
    if scan.format != "image" and whose is None and scan.patient_left is None and text and mentions_side(text):
        doubts.append(
            "the header does not say which side of the picture is the patient's left: the words are taken in the "
            "model's own convention; say whose left is meant by --laterality"
        )
    return list(dict.fromkeys(doubts))


def _tell(request: "Request", doubts: list[str]) -> None:
    for doubt in doubts:
        print(f"warning: {request.where}: {doubt}", file=sys.stderr)


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
