"""``lexseg compare``: methods x data sets x seeds under one budget, and one table."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lexseg.cli.main import add_cluster, cluster

if TYPE_CHECKING:
    from lexseg.comparison.cells import CellRecord
    from lexseg.comparison.plan import Plan
    from lexseg.comparison.runner import Launch, Progress, Runner, RunOptions

_DESCRIPTION = """Trains and evaluates every cell of a plan (method x data set x seed x sentence variant) in a process
of its own, under one budget, and writes table.csv, summary.csv, pairs.csv, index.html, comparison.md and plots.

PLAN is a YAML file or a shipped plan. The same command goes on after a crash or Ctrl-C: cells that are done are kept,
one that was under way goes on after its last checkpoint. A cell that fails leaves the others alone."""
_EPILOG = """examples:
  lexseg compare plan.yaml --output comparison --jobs 2
  lexseg compare plan.yaml --output comparison --jobs 2 --devices cuda:0,cuda:1
  lexseg compare plan.yaml --output comparison --dry-run
  lexseg compare plan.yaml --output comparison --only 'tmca__*' --retry-failed

Exit status: 0 if all cells are done, 1 if some have failed, 130 after Ctrl-C."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``compare`` to the command line."""
    parser = subparsers.add_parser(
        "compare",
        help="compare methods under one budget",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("plan", metavar="PLAN", help="a YAML file, or the name of a shipped plan")
    add_run_options(parser)
    parser.set_defaults(run=run)


def add_run_options(parser: argparse.ArgumentParser, *, output_required: bool = True) -> None:
    """The options of every command that runs a plan."""
    add = parser.add_argument
    where = "the comparison's folder, new or to be gone on with"
    add("--output", type=Path, required=output_required, metavar="DIR", help=where)
    add("--steps", type=int, metavar="N", help="budget of each cell in optimizer steps, in place of the plan's")
    add("--minutes", type=float, metavar="M", help="the same in minutes of training")
    column = "column of the sentence of every data set, in place of the plan's; of several one is drawn in training"
    add("--text_column", "--text-column", type=_names, default=(), metavar="C[,C]", help=column)
    add("--jobs", type=int, default=1, metavar="N", help="cells at once (default: %(default)s)")
    add("--devices", type=_names, default=(), metavar="D[,D]", help="taken in turn, such as cuda:0,cuda:1 or cpu")
    add("--only", type=_names, default=(), metavar="P[,P]", help="only cells of these names, such as 'tmca__*'")
    add("--retry-failed", "--retry_failed", action="store_true", help="run cells that have failed again")
    add("--skip-missing", "--skip_missing", action="store_true", help="go on without data sets that are not there")
    add_cluster(add)
    add("--dry-run", "--dry_run", action="store_true", help="check everything, list the cells, and run none")


def run(args: argparse.Namespace) -> int:
    """Read the plan, and run it."""
    from lexseg.comparison.plan_file import read_plan

    return run_plan(read_plan(args.plan), args)


def run_plan(plan: "Plan", args: argparse.Namespace) -> int:
    """Run a plan as the options of `add_run_options` say."""
    from lexseg.comparison.results import write_results
    from lexseg.comparison.runner import Runner

    plan = _changed(plan, args)
    runner = Runner(plan, args.output, _options(args), launch=_launch(args))
    waiting = runner.waiting()
    if args.dry_run:
        for cell in runner.cells:
            print(f"{cell.key}  {'waits' if cell in waiting else 'stands'}")
    print(f"{plan.title}: {len(runner.cells)} cells, {len(waiting)} to run; each {plan.budget}")
    if args.dry_run:
        return 0

    def ended(progress: "Progress") -> None:
        print(_line(plan, args.output, progress), flush=True)
        write_results(plan, args.output, fingerprints=runner.fingerprints, plots=False)  # they take the most time

    try:
        with cluster(args):
            records = runner.run(ended)
    except KeyboardInterrupt:
        print("stopped; the same command goes on")
        raise
    return _finish(plan, args.output, runner, records)


def _launch(args: argparse.Namespace) -> "Launch | None":
    if not args.cluster:
        return None
    from lexseg.comparison.on_cluster import launch_task

    return launch_task


def _finish(plan: "Plan", output: Path, runner: "Runner", records: "list[CellRecord]") -> int:
    from lexseg.comparison.cost import measure_costs
    from lexseg.comparison.results import PAGE, write_results

    measure_costs(
        plan, output, progress=lambda method: print(f"measuring the cost of {plan.label(method)}", flush=True)
    )
    write_results(plan, output, fingerprints=runner.fingerprints)
    failed = [record for record in records if record.status == "failed"]
    for record in failed:
        print(f"failed: {record.key}: {record.reason}")
    print(f"{len(records) - len(failed)} of {len(runner.cells)} cells are done; written to {output / PAGE}")
    return 1 if failed else 0


def _changed(plan: "Plan", args: argparse.Namespace) -> "Plan":
    from lexseg.comparison.plan_file import with_budget, with_text_column

    return with_text_column(with_budget(plan, steps=args.steps, minutes=args.minutes), args.text_column)


def _options(args: argparse.Namespace) -> "RunOptions":
    from lexseg.comparison.runner import RunOptions

    return RunOptions(args.jobs, args.devices, args.retry_failed, args.skip_missing, args.only)


def _line(plan: "Plan", output: Path, progress: "Progress") -> str:
    import json

    from lexseg.comparison.cells import REPORT
    from lexseg.evaluation.output import REPORT as SUMMARY

    cell = progress.cell
    parts = [f"[{progress.done}/{progress.total}] {plan.label(cell.method)} on {cell.dataset}, {cell.text}, "]
    parts.append(f"seed {cell.seed}: ")
    if progress.record.status == "failed":
        parts.append(f"failed: {progress.record.reason}")
    else:
        report = json.loads((cell.folder(output) / REPORT / SUMMARY).read_text(encoding="utf-8"))
        parts.append(f"Dice per image {report['per_image']['dice']['mean']:.4f}")
    parts.append(f" ({_time(progress.seconds)}; about {_time(progress.left)} to go)")
    return "".join(parts)


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _names(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
