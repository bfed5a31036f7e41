"""``lexseg calibrate``: fit a model's "is it there?" to cases, where training had none to fit it to, or others."""

import argparse
from pathlib import Path

from lexseg.cli.main import POINTS, add_device
from lexseg.cli.values import path_text

_DESCRIPTION = """Asks MODEL whether what the sentences of CASES name is in their images, fits a probability and a
threshold to the answers, and writes both into the model's folder. Below the threshold the model answers "not found".

CASES is a manifest, or several with commas between them, with some empty masks or with `present` no: `lexseg refer`
makes such sets. Each is asked as it would be asked when the model is used. The threshold is the one that parts best
among those that deny at most the share --lost of the targets that are there."""
_EPILOG = """example:
  lexseg calibrate runs/mine/model referring/cases.csv --split val

Research use only: not a medical device."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``calibrate`` to the command line."""
    parser = subparsers.add_parser(
        "calibrate",
        help="fit a model's 'not found' to cases",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", type=path_text, metavar="MODEL", help="a model folder; its config.json is written anew")
    add(
        "cases",
        type=path_text,
        metavar="CASES",
        help="manifest: a .csv or .jsonl file, or several with commas between them",
    )
    add("--split", default="val", metavar="NAME", help="train, val, or all; never what you test on (default: val)")
    add(
        "--split-file",
        "--split_file",
        type=Path,
        metavar="FILE",
        help="splits in place of the manifest's: the split.csv of the model's run",
    )
    add("--text_column", "--text-column", default="text", metavar="C", help="column of the sentence (default: text)")
    add(
        "--lost",
        type=float,
        default=0.03,
        metavar="SHARE",
        help="largest share of targets that are there and may be denied (default: %(default)s)",
    )
    add(
        "--operating-point",
        "--operating_point",
        choices=POINTS,
        help="make this the threshold: the highest that denies at most so many percent of the targets that are there "
        "(default: as --lost says). All three are saved, to be chosen when the model is used",
    )
    add_device(add)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate, and print how well presence is told."""
    from lexseg.cases.manifest import read_manifests
    from lexseg.cases.splits import apply_splits
    from lexseg.cli.check import progress_bar
    from lexseg.errors import ConfigError
    from lexseg.evaluation.calibrate import calibrate
    from lexseg.evaluation.cases import check_cases, select_cases
    from lexseg.models.config import bundled_models

    if not 0 <= args.lost < 1:
        raise ConfigError(f"--lost is {args.lost:g}; a share from 0 to below 1 was expected")
    if args.split == "test":
        raise ConfigError("--split test: what is calibrated on cases cannot be tested on them; give val, or train")
    folder = Path(args.model)
    if not folder.is_dir() and args.model not in bundled_models():
        raise ConfigError(f"{args.model}: there is no such folder; a model folder, such as RUN/model, was expected")
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{args.model}: calibration writes into the model, so it needs a folder of your own")
    cases = read_manifests([Path(part) for part in args.cases.split(",")], text_columns=(args.text_column,))
    if args.split_file is not None:
        cases = apply_splits(cases, args.split_file)
    chosen = select_cases(cases, args.split)
    check_cases(chosen)
    with progress_bar("asking") as progress:
        result = calibrate(
            folder,
            chosen,
            lost=args.lost,
            operating_point=args.operating_point,
            device=args.device,
            progress=progress,
        )
    c = result.presence
    print(
        f"{len(chosen)} cases: {result.n_present} with a target, {result.n_absent} without\n"
        f"  presence    AUROC {result.auroc:.4f}\n"
        f"  probability sigmoid({c['scale']:.4g} * logit {c['bias']:+.4g}), threshold {c['threshold']:.4f}\n"
        f"  at it       N-acc {result.n_acc:.4f}   T-acc {result.t_acc:.4f}   (on these very cases)\n"
        + "".join(
            f"  {name:>2} % lost   threshold {p.threshold:.4f}   sensitivity {p.sensitivity:.4f}   "
            f"specificity {p.specificity:.4f}\n"
            for name, p in result.points.items()
        )
        + (
            f"  {result.n_settled} more were not asked: they deny all, contradict themselves or are not in scope\n"
            if result.n_settled
            else ""
        )
        + f"written to {folder / 'config.json'}"
    )
    return 0
