"""``lexseg ablate``: which part of a method earns its keep, as a comparison of its variants."""

import argparse
from pathlib import Path
from typing import Any

from lexseg.cli.compare import add_run_options, run_plan

_DESCRIPTION = """Makes a plan whose methods are the variants of one, and compares them as `lexseg compare` does: of
TMCA part after part from the image alone to the whole, of LSMS one part at a time left out or done differently, of a
learning regime the yardsticks and the regime less each of its parts, on three draws of labels. The plan also stands in
DIR/plan.yaml; --write FILE only writes it, to be changed and given to `lexseg compare`."""
_EPILOG = """examples:
  lexseg ablate tmca --output ablation --steps 300 --jobs 2
  lexseg ablate lsms --cases set/cases.csv --seeds 0 --output ablation
  lexseg ablate lsms --write plan.yaml
  lexseg ablate dec --cases set/cases.csv --labels 80 --output ablation"""

_REGIMES = ("dec", "dec-full", "cross-level", "correction", "meta-pseudo")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``ablate`` to the command line."""
    parser = subparsers.add_parser(
        "ablate",
        help="compare the variants of one method",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("method", choices=("tmca", "lsms", *_REGIMES), help="whose parts")
    add("--recipe", default="", help="that the variants change (default: the lite one; of a regime unet-lite)")
    add("--labels", default="57", metavar="N", help="of a regime: how many cases keep their masks, a number, a share "
        "or a file (default: %(default)s), drawn three times")  # fmt: skip
    add("--cases", type=Path, metavar="FILE", help="a manifest (default: QaTa-1,000 in the folder LEXSEG_DATA)")
    add("--seeds", type=_seeds, metavar="S[,S]", help="of every variant (default: 0,1,2; of a regime 0)")
    add("--size", type=int, default=128, metavar="N", help="side of the input (default: %(default)s)")
    add("--write", type=Path, metavar="FILE", help="write the plan and run nothing")
    add_run_options(parser, output_required=False)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Write the plan, or run it."""
    from lexseg.comparison.ablations import ablation, dataset_of
    from lexseg.comparison.plan_file import parse_plan, plan_yaml, with_budget, with_text_column
    from lexseg.comparison.regime_ablations import regime_ablation
    from lexseg.errors import ConfigError
    from lexseg.files import replace_file

    if (args.write is None) == (args.output is None):
        args.usage_error("give --output DIR to run the ablation, or --write FILE to write its plan")
    datasets = None if args.cases is None else dataset_of(args.cases)
    common: dict[str, Any] = {"recipe": args.recipe, "datasets": datasets, "size": args.size}
    values: dict[str, Any]
    if args.method in _REGIMES:
        values = regime_ablation(args.method, labels=args.labels, seeds=args.seeds or (0,), **common)
    else:
        values = ablation(args.method, seeds=args.seeds or (0, 1, 2), **common)
    path = args.write or args.output / "plan.yaml"
    plan = parse_plan(values, path)
    if args.write is None:
        return run_plan(plan, args)
    plan = with_text_column(with_budget(plan, steps=args.steps, minutes=args.minutes), args.text_column)
    if path.exists():
        raise ConfigError(f"--write {path}: is there already; name a new file")
    replace_file(path, plan_yaml(plan))
    print(f"{len(plan.methods)} variants; written to {path}")
    return 0


def _seeds(value: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r}; numbers with commas between them were expected") from None
