"""``lexseg segment``: masks, overlays and numbers for images and sentences.

Several images are worked on at a time; what is written is not done again, and what fails is told at the end.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.cli.main import (
    SpokenProgress,
    add_bare,
    add_cluster,
    add_operating_point,
    add_running,
    add_threads,
    open_model,
    sentence,
    tell_sides,
    use_threads,
)
from lexseg.cli.values import count, index, share, slices, spacing
from lexseg.errors import ConfigError, DataError, LexSegError, TextError
from lexseg.files import readable, remove_abandoned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lexseg.cli.requests import Job, Request
    from lexseg.predict.segmentation import Segmentation
    from lexseg.predict.segmenter import ImageSession, Segmenter

Work = tuple["Request", list[str]]

_HELP = "segment images by sentences"
_IMAGE = "PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD or MHA; a folder of them; a zip of DICOM; or a CSV of image,text"
_LATERALITY = "whose left 'left' is (default: the patient's where the header knows the sides, else the model's own)"
_EPILOG = """examples:
  lexseg segment film.png --text "opacity in the lower left lung" --output out
  lexseg segment films/ --model runs/mine/model --tta --output out
  lexseg segment asked.csv --output out          (a table with the columns image,text)
  lexseg segment ct.nii.gz --text liver --text spleen --together --output out
  lexseg segment film.png --report report.txt --output out
  lexseg segment ct/ --text "liver lesion" --window liver --format seg --output out   (a folder of DICOM files)

Without --text the model is asked without a sentence. Research use only: not a medical device."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``segment`` to the command line."""
    parser = commands.add_parser(
        "segment",
        help=_HELP,
        description="Segment images and volumes by sentences. Writes NAME_mask.png (of volumes NAME_mask.nii.gz), "
        "NAME_overlay.png and NAME.json for each; with --report NAME_01_mask.png and so on, and NAME_report.json.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("images", nargs="+", type=Path, metavar="IMAGE", help=_IMAGE)
    asked = parser.add_mutually_exclusive_group().add_argument
    asked(
        "--text",
        type=sentence,
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
    add(
        "--together",
        action="store_true",
        help="one label map for all sentences of an image: NAME_labels.png with a palette, NAME_labels.nii.gz, or a "
        "DICOM SEG of several segments; NAME_labels.json is the legend",
    )
    add(
        "--tile",
        type=count,
        metavar="N",
        help="ask a large image piece by piece, in overlapping tiles of N x N of its own pixels (default: as a whole)",
    )
    add("--tta", action="store_true", help="test-time augmentation: average with the mirrored image and swapped words")
    add("--laterality", choices=["image", "patient"], help=_LATERALITY)
    add("--language", metavar="CODE", help="of the sentences, such as de: read and asked in English (default: English)")
    add(
        "--threshold",
        type=share,
        metavar="T",
        help="probability from which a pixel is found (default: the model's)",
    )
    add("--anyway", action="store_true", help="look also for what the model never learnt to find; results say so")
    add_operating_point(add)
    add("--spacing", type=spacing, metavar="ROW,COL", help="millimetres between pixels (default: of the header)")
    _add_medical(add)
    add(
        "--include-text",
        "--include_text",
        action="store_true",
        help="write the sentences into the results; they may tell of a patient",
    )
    add("--workers", type=count, default=2, metavar="N", help="images that are worked on at a time (default: 2)")
    add(
        "--resume",
        action="store_true",
        help="leave alone what the same model has written for the same images; ask the same sentences as before",
    )
    add_cluster(add)
    add_threads(add)
    add_running(add)
    parser.set_defaults(run=run)


def _add_medical(add: Callable[..., argparse.Action]) -> None:
    """Options for DICOM, NIfTI and NRRD."""
    from lexseg.outputs.formats import names

    add(
        "--format",
        choices=["auto", *names()],
        default="auto",
        help="of the masks; seg is DICOM SEG, polygons are outlines as JSON (default: png for an image, nifti for a "
        "volume that NIfTI can hold)",
    )
    add_bare(add)
    add("--capture", action="store_true", help="write the overlay as a DICOM secondary capture too")
    add("--gsps", action="store_true", help="write the outlines as a DICOM presentation state too, of gray images")
    add("--slices", type=slices, metavar="A:B", help="slices A to B-1 of a volume, from 0 (default: all)")
    add(
        "--window",
        metavar="W",
        help="a preset (lung, liver, ...), or WIDTH,LEVEL (default: of the header, or modality)",
    )
    add("--series", metavar="UID", help="which series of a folder or zip, where there are several")
    add("--channel", type=index, metavar="N", help="which volume of a 4D file, or which time, echo or phase, from 0")
    add(
        "--modality", metavar="M", help="what a NIfTI or NRRD volume is, such as CT or MR (default: told by its values)"
    )


def run(args: argparse.Namespace) -> int:
    """Segment; bad images are listed at the end, after the good ones are done."""
    use_threads(args.threads)
    if any(not text.strip() for text in args.text):
        raise TextError("--text is blank; write what to find, or leave --text out to ask without a sentence")
    if args.tile is not None and (args.together or args.report is not None):
        raise ConfigError("--tile asks one sentence at a time; leave --together and --report out")
    if args.together and args.report is not None:
        raise ConfigError("--together is for sentences; the findings of --report have files of their own")
    if args.report is not None:
        from lexseg.cli.segment_report import run_report

        return run_report(args)
    from lexseg.cli.requests import check_output, collect, files_of, output_stems, real

    requests, told = collect(args.images, args.text, args.series)
    problems = [problem for problem in told if problem.severity == "error"]
    for problem in told:
        if problem.severity == "warning":
            print(f"warning: {problem}", file=sys.stderr)
    if args.together and (args.capture or args.gsps):
        raise ConfigError("--together writes no captures and no presentation states; leave --capture and --gsps out")
    answered = [replace(request, texts=(None,)) for request in requests] if args.together else requests
    stems = output_stems(answered)  # one for each answer
    targets = {real(file) for each in stems for stem in each for file in files_of(args, stem)}
    check_output(args, [request.image for request in requests], targets)
    failures = [str(problem) for problem in problems]
    if requests:
        failures += segment_all(requests, stems, args)
    if not failures:
        return 0
    if len(requests) + len(problems) == 1:
        raise DataError(failures[0])
    done = len(requests) + len(problems) - len(failures)
    raise DataError(f"{done} done, {len(failures)} could not be segmented:\n  " + "\n  ".join(failures))


def segment_all(requests: "list[Request]", stems: list[list[str]], args: argparse.Namespace) -> list[str]:
    """Answer requests and write the answers; returns what could not be done, in the order of the requests.

    With ``--workers`` several are read, answered and written at a time; each holds one image, and no more.
    """
    from rich.console import Console
    from rich.progress import Progress

    segmenter = open_model(args)
    for text in args.text:
        segmenter.check_text(text)
    work = list(zip(requests, stems, strict=True))
    if args.resume:
        remove_abandoned(args.output)
        work = [each for each in work if not _is_done(segmenter, *each, args)]
        if kept := len(requests) - len(work):
            print(f"{kept} of {len(requests)} are written already, and kept", file=sys.stderr)
    quiet = not sys.stderr.isatty()
    told, finished = SpokenProgress("segmenting"), itertools.count(1)
    with Progress(console=Console(stderr=True), disable=quiet, redirect_stdout=sys.stdout.isatty()) as progress:
        images = progress.add_task("segmenting", total=len(work), visible=len(work) > 1)

        def advance() -> None:
            progress.advance(images)
            if quiet:
                told(next(finished), len(work))

        def one(each: Work) -> str | None:
            frames = progress.add_task("frames", total=None, visible=False)

            spoken = SpokenProgress("frames")

            def count(done: int, total: int) -> None:
                progress.update(frames, completed=done, total=total, visible=True)
                if quiet:
                    spoken(done, total)

            failure = _failure(segmenter, *each, args, count)
            progress.remove_task(frames)
            advance()
            return failure

        if args.cluster:
            from lexseg.cli.segment_cluster import on_cluster

            results = list(on_cluster(_failure, work, args, advance))
        else:
            results = list(_each(one, work, args.workers))
    done = [request for (request, _), failure in zip(work, results, strict=True) if failure is None]
    tell_sides(
        segmenter, ((r.image, r.texts, args.laterality or r.laterality, args.language or r.language) for r in done)
    )
    return [failure for failure in results if failure is not None]


def _each(one: Callable[[Work], str | None], work: list[Work], workers: int) -> Iterator[str | None]:
    """Do the work, so many at a time; the results come in its order."""
    if workers == 1:
        yield from map(one, work)
        return
    # threads: reading, packing and the network let one another run, and share one copy of the weights
    pool = ThreadPoolExecutor(workers, thread_name_prefix="segment")
    try:
        yield from pool.map(one, work)
    finally:
        pool.shutdown(cancel_futures=True)


def _failure(
    segmenter: "Segmenter",
    request: "Request",
    names: list[str],
    args: argparse.Namespace,
    count: Callable[[int, int], None],
) -> str | None:
    try:
        segment_scan(segmenter, request, names, args, count)
    except LexSegError as error:
        message = str(error)
        return message if str(request.image) in message else f"{request.where}: {message}"
    except MemoryError:
        return f"{request.where}: there is not enough memory for an image of this size"
    return None


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
    from lexseg.cli.requests import Clock, Job, open_asked, outputs_of, say
    from lexseg.predict.answered import noted

    clock = Clock()
    scan, window = open_asked(request.image, args, request.spacing or args.spacing)
    scan = noted(scan, segmenter.modalities)
    clock.lap("read")
    for note in scan.notes:
        say(f"note: {request.where}: {note}", aside=True)
    job = Job(segmenter, request, args, scan, window, clock, outputs_of(args, segmenter.name, segmenter.sha256))
    if not args.together and not scan.is_volume:
        _image(job, names)
        return
    from lexseg.cli.segment_volume import segment_together, segment_volume

    if args.together:
        segment_together(job, names[0], progress)
    else:
        segment_volume(job, names, progress)


def _image(job: "Job", names: list[str]) -> None:
    """Answer about the only frame, one sentence after the other."""
    from lexseg.outputs.formats import result_contents
    from lexseg.predict.ask import look

    args, scan = job.args, job.scan
    image = scan.show(0, job.window)
    (session,) = look(job.segmenter, [(scan, image)], tta=args.tta)
    job.clock.lap("image")
    for number, (text, name) in enumerate(zip(job.request.texts, names, strict=True), start=1):
        result = _asked(job, session, image, text)
        job.clock.lap("sentence")
        job.told(result.doubts)
        record = job.record(number, result.doubts)
        how: dict[str, Any] = {"encode": job.outputs.encoder(scan, job.window), "caption": job.outputs.caption}
        job.write(result_contents(args.output, name, image, result, record, include_text=args.include_text, **how))


def _asked(job: "Job", session: "ImageSession", image: "NDArray[np.float32]", text: str | None) -> "Segmentation":
    """The answer to one sentence, about the image as a whole or tile by tile."""
    from lexseg.cli.requests import options_of
    from lexseg.predict.ask import ask

    options = options_of(job.args, job.request)
    if job.args.tile is None:
        return ask(job.segmenter, session, [text], options)[0]
    from lexseg.predict.tiles import Tiles, segment_tiled
    from lexseg.predict.words import Sides

    tiles, sides = Tiles(job.args.tile), Sides.of(job.scan)
    return segment_tiled(job.segmenter, image, text, tiles, options, spacing=job.scan.spacing, sides=sides)


def _is_done(segmenter: "Segmenter", request: "Request", names: list[str], args: argparse.Namespace) -> bool:
    from lexseg.cli.requests import asked_how, files_of
    from lexseg.outputs.resume import is_written

    told = {"image": readable(str(request.image)), **asked_how(segmenter, args)}
    if args.together:
        return is_written(files_of(args, names[0]), told | {"sentences": len(request.texts)})
    return all(is_written(files_of(args, name), told | {"sentence": n}) for n, name in enumerate(names, start=1))
