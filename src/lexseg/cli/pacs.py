"""``lexseg pacs``: find studies in a PACS, segment one and store the result beside it."""

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.cli.main import add_bare, add_operating_point, add_running, open_model, sentence
from lexseg.cli.values import above_0, count, index, share, slices
from lexseg.errors import ConfigError, PacsError
from lexseg.signals import sigterm_raises

if TYPE_CHECKING:
    from lexseg.pacs.access import Access
    from lexseg.pacs.answer import Progress, StoredOutcome

_FIND_EPILOG = """examples:
  lexseg pacs find --url http://localhost:8042/dicom-web --patient 123456
  lexseg pacs find --url http://localhost:8042/dicom-web --date 20240101-20240131 --modality CT
  lexseg pacs find --url http://localhost:8042/dicom-web --study 1.2.840.1   (its series)
"""
_SEGMENT_EPILOG = """example:
  lexseg pacs segment --url http://localhost:8042/dicom-web --study 1.2.840.1 --text "opacity in the left lung"

The same request is stored once, however often it is made. Research use only: not a medical device."""
_ENVIRONMENT = """
The PACS is told who asks by LEXSEG_PACS_USER and LEXSEG_PACS_PASSWORD, or LEXSEG_PACS_TOKEN. Proxies are those of
HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``pacs`` to the command line."""
    parser = commands.add_parser(
        "pacs", help="find studies in a PACS, segment one and store the result", allow_abbrev=False
    )
    what = parser.add_subparsers(dest="what", metavar="find|segment", required=True)
    _add_find(what)
    _add_segment(what)


def _add_find(what: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = what.add_parser(
        "find",
        help="list studies, or the series of one",
        description="List the studies in a PACS, newest first, or the series of one." + _ENVIRONMENT,
        epilog=_FIND_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_access(parser)
    add = parser.add_argument
    add("--patient", metavar="ID", help="the patient's ID; * stands for any letters")
    add("--date", type=_date, metavar="DATE", help="YYYYMMDD, YYYY-MM-DD, or from-to as YYYYMMDD-YYYYMMDD")
    add("--modality", metavar="CT", help="one that the study holds: CT, MR, DX, CR, US, ...")
    add("--study", type=_uid, metavar="UID", help="list the series of this study")
    add("--limit", type=count, default=50, metavar="N", help="studies to list (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_find)


def _add_segment(what: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = what.add_parser(
        "segment",
        help="segment a study by sentences, and store DICOM SEG beside it",
        description="Retrieve a series, segment it by sentences, and store a DICOM SEG for each beside it."
        + _ENVIRONMENT,
        epilog=_SEGMENT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_access(parser)
    add = parser.add_argument
    add("--study", type=_uid, required=True, metavar="UID", help="StudyInstanceUID, as lexseg pacs find lists it")
    add("--series", type=_uid, metavar="UID", help="SeriesInstanceUID; needed where the study holds several")
    said = "what to find; repeat for several sentences"
    add("--text", type=sentence, action="append", required=True, metavar="SENTENCE", help=said)
    add("--model", default="default", help="a bundled model, a model folder or a hub id (default: %(default)s)")
    add(
        "--laterality",
        choices=["image", "patient"],
        help="whose left 'left' is (default: the patient's where the header knows it)",
    )
    add(
        "--threshold",
        type=share,
        metavar="T",
        help="probability from which a pixel is found (default: the model's)",
    )
    add_operating_point(add)
    add("--language", metavar="CODE", help="of the sentences, such as de: read and asked in English (default: English)")
    add("--slices", type=slices, metavar="A:B", help="slices A to B-1 of a volume, from 0 (default: all)")
    add("--channel", type=index, metavar="N", help="which image is meant where there are several at each place, from 0")
    add(
        "--include-text",
        "--include_text",
        action="store_true",
        help="write the sentences into what is stored; they may tell of a patient",
    )
    add("--anyway", action="store_true", help="look also for what the model never learnt to find; results say so")
    add_bare(add)
    add("--dry-run", "--dry_run", action="store_true", help="do all but store")
    add("--output", type=Path, metavar="DIR", help="keep the DICOM SEG in this folder, too")
    add_running(add)
    parser.set_defaults(run=run_segment)


def _add_access(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--url", required=True, help="DICOMweb address; Orthanc's is http://HOST:8042/dicom-web")
    add("--ca-bundle", "--ca_bundle", type=Path, metavar="FILE", help="certificates (PEM) of the authorities to trust")
    add(
        "--timeout",
        type=above_0,
        default=60.0,
        metavar="SECONDS",
        help="how long the PACS may be silent (default: %(default)g)",
    )
    add("--attempts", type=count, default=6, metavar="N", help="how often a request is made (default: %(default)s)")


def run_find(args: argparse.Namespace) -> int:
    """List studies, or the series of one."""
    if args.study and (args.patient or args.date or args.modality):
        raise ConfigError("--study names one study: leave --patient, --date and --modality out")
    with _client(args) as pacs:
        if args.study:
            found: list[Any] = pacs.series(args.study)
            if not found:
                raise PacsError("the PACS holds no such study; lexseg pacs find without --study lists those it holds")
        else:
            modality = args.modality and args.modality.upper()
            found = pacs.studies(patient=args.patient, date=args.date, modality=modality, limit=args.limit + 1)
    more = not args.study and len(found) > args.limit
    found = found if args.study else found[: args.limit]
    if args.json:
        from dataclasses import asdict

        print(json.dumps([asdict(entry) for entry in found], indent=2, ensure_ascii=False))
    else:
        for entry in found:
            print(entry)
    if not found:
        print("nothing found", file=sys.stderr)
    if more:
        print(f"there are more than {args.limit}; narrow the search, or raise --limit", file=sys.stderr)
    return 0


def run_segment(args: argparse.Namespace) -> int:
    """Segment a series and store what is found."""
    texts = tuple(dict.fromkeys(args.text))
    if any(not text.strip() for text in texts):
        raise ConfigError("--text is blank; write what to find")
    from lexseg.language.lexicon import lexicon
    from lexseg.language.sides import mentions_side

    words = lexicon(args.language or "en")  # one that there is none of is told before anything is fetched
    sided = [mentions_side(text, words) for text in texts]
    if args.output is not None:
        from lexseg.files import check_writable

        check_writable(args.output)  # before anything is stored in the PACS
    # as Ctrl-C does, so that the patient's images do not stay on the disk
    with _client(args) as pacs, sigterm_raises(lambda number: SystemExit(128 + number)):
        from lexseg.pacs.answer import SeriesJob, choose_series
        from lexseg.pacs.request import PacsQuestion

        series = choose_series(pacs, args.study, args.series)  # before the model is loaded: it may refuse at once
        segmenter = open_model(args)
        question = PacsQuestion(
            texts=texts,
            laterality=args.laterality,
            threshold=args.threshold,
            frames=args.slices,
            channel=args.channel,
            include_text=args.include_text,
            anyway=args.anyway,
            bare=args.bare_seg,
            language=args.language,
        )
        store, keep = not args.dry_run, args.output is not None
        with _bars() as progress:
            job = SeriesJob(pacs, segmenter, args.study, series, question, store, keep, progress)
            outcomes = job.run()
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        print(f"note: {note}", file=sys.stderr)
    written = _write(args.output, series.uid, outcomes) if args.output is not None else {}
    for number, outcome in enumerate(outcomes):
        print(_line(outcome, outcomes, sided, written.get(number)))
    return 0


def _client(args: argparse.Namespace) -> Any:
    try:
        from lexseg.pacs.access import Access, Patience, credentials
        from lexseg.pacs.web import PacsClient
    except ModuleNotFoundError as error:
        if error.name not in ("dicomweb_client", "requests"):
            raise
        raise ConfigError("lexseg pacs needs dicomweb-client: pip install 'lexseg[dicom]'") from error
    patience = Patience(read=args.timeout, attempts=args.attempts)
    access = Access(args.url, ca_bundle=args.ca_bundle, patience=patience, auth=credentials())
    if access.in_the_clear:
        _warn_of_listeners(access)
    told: set[str] = set()

    def waiting(message: str) -> None:
        if message not in told:
            print(f"{message}; trying again", file=sys.stderr)
        told.add(message)

    return PacsClient(access, waiting=waiting)


def _warn_of_listeners(access: "Access") -> None:
    what = "the password and images" if access.auth else "images"
    print(f"warning: {access.url} is no https: {what} can be read on their way", file=sys.stderr)


def _write(folder: Path, series: str, outcomes: "list[StoredOutcome]") -> dict[int, Path]:
    """Write what was found, all or none: seg_3f2a9c1b_01.dcm, ...; the hash is of the series, and tells no patient."""
    from lexseg.files import write_files
    from lexseg.pacs.web import file_bytes
    from lexseg.private import short_hash

    kept = {n: outcome.dataset for n, outcome in enumerate(outcomes) if outcome.dataset is not None}
    paths = {n: folder / f"seg_{short_hash(series)}_{n + 1:02}.dcm" for n in kept}
    write_files({paths[n]: file_bytes(dataset) for n, dataset in kept.items()})
    return paths


def _line(outcome: "StoredOutcome", outcomes: "list[StoredOutcome]", sided: list[bool], path: Path | None) -> str:
    """What is printed of an outcome; the sentence is not. Of each sentence, ``sided`` says whether it names a side."""
    several = len({each.image for each in outcomes}) > 1
    parts = [f"image {outcome.image + 1}"] if several else []
    parts += [f"sentence {outcome.sentence + 1}"] if len(sided) > 1 else []
    start = f"{', '.join(parts)}: " if parts else ""
    target = f" -> {path}" if path else ""
    if outcome.state in ("not found", "negated"):
        return f"{start}{outcome.state}: nothing to store"
    if outcome.state == "not in scope" and outcome.outside is not None:
        return f"{start}{outcome.state}: {outcome.outside.why}; nothing to store (--anyway looks nevertheless)"
    if outcome.numbers is None:
        return f"{start}{outcome.state} (series {outcome.series}){target}"
    whose = f", 'left' is the {outcome.laterality}'s" if outcome.laterality and sided[outcome.sentence] else ""
    mark = f"; asked anyway, and not in scope: {outcome.outside.why}" if outcome.outside else ""
    return f"{start}{outcome.state}: {_size(outcome.numbers)}{whose} (series {outcome.series}){target}{mark}"


def _size(numbers: "dict[str, Any]") -> str:
    frames, largest = len(numbers["frames_found"]), numbers["largest"]
    if numbers["frames"][0] < numbers["frames"][1] or numbers["ml"] is not None:
        size = f"{numbers['voxels']} voxels" if numbers["ml"] is None else f"{numbers['ml']:g} ml"
        return f"{size} on {frames} slice{'s' * (frames != 1)}"
    return f"{numbers['voxels']} px" if largest["mm2"] is None else f"{largest['mm2']:g} mm2"


@contextlib.contextmanager
def _bars() -> "Iterator[Progress]":
    """A bar on the terminal for each stage; they leave nothing behind."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    console = Console(stderr=True)
    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage)
            bars.update(tasks[stage], completed=done, total=total)

        yield progress


def _checked(pattern: str, expected: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise argparse.ArgumentTypeError(f"{value!r}: expected {expected}")
        return value

    return check


_uid = _checked(r"[0-9.]{1,64}", "a UID: digits and dots")


def _date(value: str) -> str:
    """A day that there is, or a span of such, as DICOM writes it."""
    span = value.replace("-", "") if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value
    _checked(r"\d{8}|\d{8}-(\d{8})?|-\d{8}", "a date such as 20240131, or a span such as 20240101-20240131")(span)
    days = [day for day in span.split("-") if day]
    for day in days:
        with contextlib.suppress(ValueError):
            datetime.strptime(day, "%Y%m%d")
            continue
        raise argparse.ArgumentTypeError(f"{value!r}: there is no such day; expected YYYYMMDD or YYYY-MM-DD")
    if days != sorted(days):
        raise argparse.ArgumentTypeError(f"{value!r}: the span ends before it begins")
    return span
