"""``lexseg evaluate --interactive N``: a simulated user corrects each mask by saying so, beside its yardsticks."""

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lexseg.errors import ConfigError

if TYPE_CHECKING:
    from lexseg.cases.case import Case
    from lexseg.predict.segmenter import Segmenter

JSON, TABLE = "interactive.json", "interactive.csv"


def run_interactive(segmenter: "Segmenter", cases: "Sequence[Case]", args: argparse.Namespace) -> int:
    """Play, print, and write ``interactive.json`` and ``interactive.csv``.

    Args:
        segmenter: the model.
        cases: of which ``--interactive-cases`` are drawn, where it is given.
        args: the options of ``lexseg evaluate``.

    Raises:
        ConfigError: if the folder cannot be written to, or options are given that this does not take.
    """
    import numpy as np
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from lexseg.evaluation.interactive.measure import lines_of, play_cases, summary_of, table_of
    from lexseg.evaluation.provenance import now, versions
    from lexseg.files import check_writable, write_files
    from lexseg.training.refiner.folder import load_refiner

    for name in ("threshold", "tta", "size", "probes", "save_masks"):
        if getattr(args, name):
            raise ConfigError(f"--{name.replace('_', '-')} changes nothing about --interactive; leave it out")
    check_writable(args.output)
    chosen = list(cases)
    if args.interactive_cases is not None and args.interactive_cases < len(chosen):
        drawn = np.random.default_rng(args.seed).permutation(len(chosen))[: args.interactive_cases]
        chosen = [chosen[i] for i in sorted(drawn)]
    console = Console(stderr=True)
    columns = (TextColumn("correcting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("correcting", total=len(chosen))
        played = play_cases(
            segmenter,
            chosen,
            args.interactive,
            seed=args.seed,
            refiner=None if args.refiner is None else load_refiner(args.refiner),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    summary = summary_of(played, args.interactive, seed=args.seed, n_resamples=args.resamples)
    about = {"model": segmenter.name, "model_sha256": segmenter.sha256, "split": args.split or "test"}
    report = {**about, **summary, "date": now(), "versions": versions()}
    write_files(
        {
            args.output / JSON: (json.dumps(report, indent=2) + "\n").encode(),
            args.output / TABLE: table_of(played).encode(),
        }
    )
    head = f"{segmenter.name} on {len(played)} cases, corrected by {args.interactive} commands each"
    print("\n".join([head, *lines_of(summary), f"written to {args.output}"]))
    return 0
