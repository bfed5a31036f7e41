"""``lexseg segment``: masks, overlays and numbers for images and sentences."""

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.errors import ConfigError, DataError, LexSegError, TextError

if TYPE_CHECKING:
    from lexseg.inference.requests import Request
    from lexseg.inference.segmenter import Segmenter

_HELP = "segment images by sentences"
_EPILOG = """examples:
  lexseg segment film.png --text "opacity in the lower left lung" --output out
  lexseg segment films/ --model runs/mine/model --tta --output out
  lexseg segment asked.csv --output out          (a table with the columns image,text)
  lexseg segment film.png --report report.txt --output out

Without --text the model is asked without a sentence. Research use only: not a medical device."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``segment`` to the command line."""
    parser = commands.add_parser(
        "segment",
        help=_HELP,
        description="Segment images by sentences. Writes NAME_mask.png, NAME_overlay.png and NAME.json for each; "
        "with --report NAME_01_mask.png and so on, and NAME_report.json.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG or TIFF, a folder, or a CSV of image,text")
    asked = parser.add_mutually_exclusive_group().add_argument
    asked(
        "--text",
        action="append",
        default=[],
        metavar="SENTENCE",
        help="what to find; repeat for several sentences",
    )
    asked(
        "--report",
        type=Path,
        metavar="FILE",
        help="a report as plain text: each of its findings is answered by a mask of its own; for one image",
    )
    add("--model", default="default", help="a bundled model, a model folder or a hub id (default: %(default)s)")
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the results; made if it is missing")
    add("--tta", action="store_true", help="test-time augmentation: average with the mirrored image and swapped words")
    add("--laterality", choices=["image", "patient"], help="whose left 'left' is (default: the model's own convention)")
    add(
        "--threshold",
        type=_share,
        metavar="T",
        help="probability from which a pixel is found (default: the model's)",
    )
    add("--spacing", type=_spacing, metavar="ROW,COL", help="millimetres between pixels, for areas in mm2")
    add(
        "--include-text",
        "--include_text",
        action="store_true",
        help="write the sentences into the results; they may tell of a patient",
    )
    add("--device", help="where to run, such as cpu or cuda (default: a GPU where there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment; bad images are listed at the end, after the good ones are done."""
    if any(not text.strip() for text in args.text):
        raise TextError("--text is blank; write what to find, or leave --text out to ask without a sentence")
    from lexseg.inference.requests import collect, output_stems
    from lexseg.inference.results import result_files

    if args.report is not None:
        return _run_report(args)
    requests, problems = collect(args.images, args.text)
    stems = output_stems(requests)
    targets = {file.resolve() for each in stems for stem in each for file in result_files(args.output, stem).values()}
    _check_output(args, [request.image for request in requests], targets)
    failures = [str(problem) for problem in problems]
    if requests:
        failures += _segment_all(requests, stems, args)
    if not failures:
        return 0
    if len(requests) + len(problems) == 1:
        raise DataError(failures[0])
    done = len(requests) + len(problems) - len(failures)
    raise DataError(f"{done} done, {len(failures)} could not be segmented:\n  " + "\n  ".join(failures))


def _check_output(args: argparse.Namespace, inputs: list[Path], targets: set[Path]) -> None:
    overwritten = sorted(str(path) for path in inputs if path.resolve() in targets)
    if overwritten:
        raise ConfigError(f"the results would overwrite {overwritten[0]}; give another --output")
    if args.output.exists() and not args.output.is_dir():
        raise ConfigError(f"--output {args.output} is a file; give a folder")


def _segment_all(requests: "list[Request]", stems: list[list[str]], args: argparse.Namespace) -> list[str]:
    from rich.console import Console
    from rich.progress import Progress

    from lexseg.inference.segmenter import Segmenter

    segmenter = Segmenter.from_pretrained(args.model, device=args.device)
    for text in args.text:
        segmenter.check_text(text)
    failures: list[str] = []
    hidden = len(requests) < 2 or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=hidden, redirect_stdout=sys.stdout.isatty()) as progress:
        for request, names in progress.track(list(zip(requests, stems, strict=True)), description="segmenting"):
            try:
                _segment_one(segmenter, request, names, args)
            except LexSegError as error:
                message = str(error)
                failures.append(message if str(request.image) in message else f"{request.where}: {message}")
            except MemoryError:
                failures.append(f"{request.where}: there is not enough memory for an image of this size")
    return failures


def _segment_one(segmenter: "Segmenter", request: "Request", names: list[str], args: argparse.Namespace) -> None:
    from lexseg.inference.images import load_image
    from lexseg.inference.results import write_result

    clock = _Clock()
    image = load_image(request.image)
    clock.lap("read")
    for text in request.texts:
        segmenter.check_text(text)  # all of them before anything is written
    session = segmenter.set_image(image, spacing=request.spacing or args.spacing, tta=args.tta)
    clock.lap("image")
    for number, (text, name) in enumerate(zip(request.texts, names, strict=True), start=1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = session.segment(text, threshold=args.threshold, laterality=args.laterality or request.laterality)
        clock.lap("sentence")
        doubts = list(dict.fromkeys(str(w.message) for w in caught))
        for doubt in doubts:
            print(f"warning: {request.where}: {doubt}", file=sys.stderr)
        record = {
            "image": str(request.image),
            "sentence": number,
            **_asked_how(segmenter, args),
            "warnings": doubts,
            "seconds": dict(clock.seconds),
        }
        values = write_result(args.output, name, image, result, record, include_text=args.include_text)
        print(f"{request.image.name} -> {args.output / name}_mask.png: {_found(values)}")


def _asked_how(segmenter: "Segmenter", args: argparse.Namespace) -> dict[str, Any]:
    return {
        "model": segmenter.name,
        "model_sha256": segmenter.sha256,
        "model_laterality": segmenter.laterality,
        "tta": args.tta,
    }


def _found(values: dict[str, Any]) -> str:
    """What a line of print says of an answer."""
    from lexseg.inference.results import in_words

    area, n = values["area"], values["n_components"]
    return f"{area['px']} px ({area['fraction']:.1%}) in {n} component{'s' * (n != 1)}" if n else in_words(values)


def _run_report(args: argparse.Namespace) -> int:
    from lexseg.inference.images import load_image
    from lexseg.inference.report import answer_findings, findings_of, read_report_file
    from lexseg.inference.report_results import ReportFiles, finding_stems, report_files
    from lexseg.inference.requests import TABLES, collect
    from lexseg.inference.results import result_files
    from lexseg.inference.segmenter import Segmenter

    requests, problems = collect([path for path in args.images if path.suffix.lower() not in TABLES or path.is_dir()])
    if problems:
        raise DataError(str(problems[0]))
    if len(requests) != 1 or len(args.images) != 1:
        raise ConfigError(f"--report is about one image, and {len(requests)} are given; run the command once for each")
    path, stem = requests[0].image, requests[0].image.stem
    text = read_report_file(args.report)
    clock = _Clock()
    image = load_image(path)
    clock.lap("read")
    segmenter = Segmenter.from_pretrained(args.model, device=args.device)
    try:
        findings = findings_of(segmenter, text)
    except TextError as error:
        raise TextError(f"{args.report}: {error}") from error
    stems = finding_stems(stem, len(findings))
    names = [
        *report_files(args.output, stem).values(),
        *(f for s in stems for f in result_files(args.output, s).values()),
    ]
    _check_output(args, [path, args.report], {name.resolve() for name in names})
    clock.lap("model")
    session = segmenter.set_image(image, spacing=args.spacing, tta=args.tta)
    clock.lap("image")
    record = {"image": str(path), **_asked_how(segmenter, args)}
    files = ReportFiles(args.output, stem, image, len(findings), include_text=args.include_text)
    answers = answer_findings(session, findings, threshold=args.threshold, laterality=args.laterality)
    doubts: list[str] = []
    entries = []
    spent = 0.0
    for _ in findings:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answer = next(answers)
        clock.lap("sentence")
        spent += clock.seconds["sentence"]
        own = list(dict.fromkeys(f"finding {answer.number}: {w.message}" for w in caught))
        entries.append(files.add(answer, record | {"warnings": own, "seconds": dict(clock.seconds)}))
        doubts += own
    for doubt in doubts:
        print(f"warning: {path}: {doubt}", file=sys.stderr)
    seconds = {name: clock.seconds[name] for name in ("read", "model", "image")} | {"sentences": round(spent, 4)}
    files.write(record | {"warnings": doubts, "seconds": seconds})
    for entry in entries:
        target = f"{args.output / entry['files']['mask']}: " if entry["files"] else ""
        print(f"finding {entry['number']} -> {target}{_found(entry)}")
    print(f"{path.name} -> {report_files(args.output, stem)['index']}")
    return 0


class _Clock:
    """Seconds since the lap before, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._last = round(now - self._last, 4), now


def _share(value: str) -> float:
    number = float(value)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{value}: expected a number between 0 and 1")
    return number


def _spacing(value: str) -> tuple[float, float]:
    row, column = (float(part) for part in value.split(","))
    if not (0 < row < float("inf") and 0 < column < float("inf")):
        raise argparse.ArgumentTypeError(f"{value}: expected two numbers of millimetres, such as 0.5,0.5")
    return row, column
