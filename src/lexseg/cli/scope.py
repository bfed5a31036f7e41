"""``lexseg scope``: fit what a model has learnt, so that it can say what it has not."""

import argparse
from pathlib import Path

from lexseg.cli.main import add_device
from lexseg.cli.values import path_text

_DESCRIPTION = """Fits to CASES how far words and images may lie from what MODEL was trained on before it says "not in
scope", and writes that into the model's folder, with a description of what it has learnt (`lexseg models MODEL`).

CASES are the manifests that the model was trained on, with commas between them; --worlds names the world of each, in
their order. The names chest, chest-ct, breast, colon, brain and skin bring lists of findings; any other name is yours,
and then the sentences of the cases alone tell what is known."""
_EPILOG = """example:
  lexseg scope runs/mine/model films/cases.csv,sonograms/cases.csv --worlds chest,breast

No sentence of CASES is written into the folder unless --examples says so: they may be patient data.
Research use only: not a medical device."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``scope`` to the command line."""
    parser = subparsers.add_parser(
        "scope",
        help="fit a model's 'not in scope' to what it was trained on",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "model",
        type=path_text,
        metavar="MODEL",
        help="a model folder; scope.safetensors and config.json are written into it",
    )
    add(
        "cases",
        type=path_text,
        metavar="CASES",
        help="manifest: a .csv or .jsonl file, or several with commas between them",
    )
    add("--worlds", required=True, metavar="NAMES", help="the world of each manifest, with commas between them")
    add(
        "--terms",
        action="append",
        default=[],
        metavar="WORLD=TEXT",
        help="on which a world's data may be used; may be given several times",
    )
    add("--examples", action="store_true", help="write some sentences of CASES into the folder, as examples")
    add("--text_column", "--text-column", default="text", metavar="C", help="columns of the sentence (default: text)")
    add(
        "--split-file",
        "--split_file",
        type=Path,
        metavar="FILE",
        help="splits in place of the manifests': the split.csv of the model's run",
    )
    add(
        "--refused",
        type=float,
        default=0.03,
        metavar="SHARE",
        help="of true questions as people type them, a third of them misspelt, that may be refused; a network that met "
        "foreign words in training needs less of its judge, such as 0.01 (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="of the sentences and images drawn (default: 0)")
    add_device(add)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fit, save, and print what was held out from the fit."""
    from lexseg.cases.manifest import read_manifests
    from lexseg.cases.splits import apply_splits
    from lexseg.cli.check import progress_bar
    from lexseg.errors import ConfigError
    from lexseg.models.config import bundled_models
    from lexseg.models.io import load_model
    from lexseg.training.scope import fit_scope, scope_worlds

    if not 0 <= args.refused < 1:
        raise ConfigError(f"--refused is {args.refused:g}; a share from 0 to below 1 was expected")
    folder = Path(args.model)
    if not folder.is_dir() and args.model not in bundled_models():
        raise ConfigError(f"{args.model}: there is no such folder; a model folder, such as RUN/model, was expected")
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{args.model}: a scope is written into the model, so it needs a folder of your own")
    manifests = [Path(part) for part in args.cases.split(",")]
    cases = read_manifests(manifests, text_columns=tuple(args.text_column.split(",")))
    if args.split_file is not None:
        cases = apply_splits(cases, args.split_file)
    names = [name.strip() for name in args.worlds.split(",")]
    worlds = scope_worlds(cases, manifests, names, terms=_terms(args.terms), examples=args.examples)
    with progress_bar("reading") as progress:
        scope, report = fit_scope(
            load_model(folder), worlds, refused=args.refused, device=args.device, seed=args.seed, progress=progress
        )
    scope.save(folder)
    _print("true questions refused", report.words_refused)
    _print("foreign questions accepted", report.words_accepted)
    _print("images refused", report.images_refused)
    _print("images of the other worlds accepted, had they never been met", report.images_accepted)
    print(f"written to {folder / 'scope.safetensors'} and {folder / 'config.json'}")
    return 0


def _terms(given: list[str]) -> dict[str, str]:
    from lexseg.errors import ConfigError

    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, sign, text in pairs if not sign or not text.strip()]:
        raise ConfigError(f"--terms {wrong[0]}: WORLD=TEXT was expected, such as chest='research use only'")
    return {name.strip(): text.strip() for name, _, text in pairs}


def _print(title: str, shares: dict[str, float]) -> None:
    if shares:
        print(f"{title}: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()))
