"""``lexseg advise``: which recipe and regime our measurements would choose for a user's cases."""

import argparse

from lexseg.cli.values import path_text


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``advise`` to the command line."""
    parser = commands.add_parser(
        "advise",
        help="say which recipe and regime our measurements would choose for your cases",
        description="Count masks, sentences, unlabelled images and patients of your manifests, and say which recipe "
        "and regime our own measurements would choose, with the row that it rests on. No mask is opened.",
        allow_abbrev=False,
    )
    parser.add_argument("cases", nargs="+", type=path_text, metavar="CASES", help="manifest: a .csv or .jsonl file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Count the labelled cases, choose a method for them, and print why."""
    from lexseg.comparison.advice import advise, measurements, stock_of

    stock = stock_of(args.cases)
    patients = "unknown" if stock.patients is None else f"{stock.patients:,}"
    print(
        f"to train on: {stock.labelled:,} cases with a mask, {stock.unlabelled:,} without; {stock.told:,} with a "
        f"sentence; patients: {patients}; kept apart: {stock.kept_apart:,}"
    )
    advice = advise(stock, measurements(), args.cases)
    if advice.row is not None:
        print(f"we would take {advice.row.recipe}, by this row:\n  {advice.row}")
    if advice.beside:
        print("beside it:", *(f"  {row}" for row in advice.beside), sep="\n")
    for note in advice.notes:
        print(f"note: {note}")
    if advice.command:
        print(f"to begin with:\n  {advice.command}")
    return 0
