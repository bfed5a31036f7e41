"""``lexseg export``: a model as ONNX graphs."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from lexseg.export.check import AskedCase
    from lexseg.export.precision import Precision

_EPILOG = """examples:
  lexseg export default --output onnx --check
  lexseg export runs/mine/model --output onnx --precision int8 --check --cases cases.csv --split val
  lexseg export runs/mine/model --in-place     (from then on ONNX Runtime runs it on a CPU)
  lexseg export default --web --output page    (a page that segments in the browser, with no server)

Needs the extra `export`: pip install 'lexseg[export]'. Research use only: not a medical device."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``export`` to the command line."""
    parser = commands.add_parser(
        "export",
        help="write a model as ONNX graphs",
        description="Write a model as a folder of ONNX graphs with all that turns pixels and words into a mask, to be "
        "used without torch; or put graphs into the model's own folder, for LexSeg itself to run faster.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a bundled model, a model folder or a hub id")
    where = parser.add_mutually_exclusive_group(required=True).add_argument
    where("--output", type=Path, metavar="DIR", help="the folder to make")
    where(
        "--in-place",
        "--in_place",
        action="store_true",
        help="put graphs without weights of their own into the model's folder, as MODEL/graphs",
    )
    add("--precision", choices=["fp32", "fp16", "int8"], default="fp32", help="of the weights (default: %(default)s)")
    add("--web", action="store_true", help="a static page that segments in the browser; npm fetches what it needs")
    add(
        "--web-runtime",
        "--web_runtime",
        type=Path,
        metavar="DIR",
        help="with --web: a folder node_modules to take instead of asking npm",
    )
    add("--check", action="store_true", help="ask both the same of real images, and say how far apart they answer")
    add("--cases", type=Path, metavar="CASES", help="a manifest to check with (default: the bundled examples)")
    add("--split", help="of the manifest to check with (default: all of it)")
    add("--limit", type=int, default=200, metavar="N", help="check with at most so many cases (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the model's graphs, and check that they answer as it does."""
    if args.in_place:
        return _in_place(args)
    from lexseg.errors import ConfigError
    from lexseg.export.folder import export_model
    from lexseg.export.web import MODEL, export_web

    precision = cast("Precision", args.precision)
    asked = _asked(args) if args.check else []
    if args.web:
        about = export_web(args.model, args.output, precision=precision, runtime=args.web_runtime)
    elif args.web_runtime is not None:
        raise ConfigError("--web-runtime is for --web")
    else:
        about = export_model(args.model, args.output, precision=precision)
    size = sum(path.stat().st_size for path in args.output.rglob("*") if path.is_file())
    print(f"{args.model} -> {args.output}: {len(about.files)} files, {size / 1e6:.1f} MB, opset {about.opset}")
    if args.web:
        print(f"to see it: python -m http.server --bind 127.0.0.1 8000 --directory {shlex.quote(str(args.output))}")
    if not args.check:
        return 0
    from lexseg.export.check import check_export

    exported = args.output / MODEL if args.web else args.output
    found = check_export(args.model, exported, asked, precision=precision)
    said = "" if found.presence is None else f", presence by {found.presence:.2g}"
    print(
        f"checked {found.asked} questions: {found.differing} pixels of the masks differ, the farthest "
        f"{found.farthest:.2g} from the threshold; probabilities by {found.probability:.2g}{said}; "
        f"Dice {found.dice:.5f}"
    )
    for fault in found.faults:
        print(f"not as it should be: {fault}", file=sys.stderr)
    return 1 if found.faults else 0


def _in_place(args: argparse.Namespace) -> int:
    import shutil

    from lexseg.errors import ConfigError
    from lexseg.graphs.make import make_graphs
    from lexseg.graphs.store import FOLDER
    from lexseg.models.config import find_model

    if args.precision != "fp32" or args.check or args.web or args.web_runtime is not None:
        raise ConfigError("--in-place takes neither --precision, --check nor --web: the weights stay the model's own")
    folder = find_model(args.model)
    target = folder / FOLDER
    making = folder / f".{FOLDER}-new"
    shutil.rmtree(making, ignore_errors=True)
    about = make_graphs(folder, making)
    shutil.rmtree(target, ignore_errors=True)
    making.replace(target)
    print(f"{args.model} -> {target}: {len(about.files)} files, opset {about.opset}")
    return 0


def _asked(args: argparse.Namespace) -> "list[AskedCase]":
    from importlib.resources import files

    from lexseg.cases.manifest import read_manifest
    from lexseg.evaluation.cases import select_cases
    from lexseg.evaluation.probes import sentence_of
    from lexseg.models.config import find_model, read_config

    laterality = read_config(find_model(args.model)).laterality
    path = args.cases or Path(str(files("lexseg"))) / "assets" / "examples" / "cases.csv"
    cases = read_manifest(path)
    chosen = cases if args.split is None else select_cases(cases, args.split)
    return [(case.image, sentence_of(case, laterality)) for case in chosen[: args.limit]]
