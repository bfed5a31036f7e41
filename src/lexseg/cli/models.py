"""``lexseg models``: what there is to choose from."""

import argparse
import json


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``models`` to the command line."""
    text = "list methods, recipes and bundled models"
    parser = commands.add_parser("models", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="as JSON, with all that is known")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    from lexseg.models.catalogue import catalogue

    found = catalogue()
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    _section("methods (see `lexseg train`)", [(m["name"], m["summary"]) for m in found["methods"]])
    _section("recipes (`lexseg train --config NAME`)", [(r["name"], r["summary"]) for r in found["recipes"]])
    _section("bundled models (`--model NAME`)", [(m["name"], _describe(m)) for m in found["models"]])
    return 0


def _describe(model: dict[str, object]) -> str:
    dice = model["dice"]
    assert isinstance(dice, dict)
    scores = "".join(f"; Dice {name} {value:.3f}" for name, value in list(dice.items())[:4])
    height, width = model["size"] if isinstance(model["size"], list) else ("?", "?")
    return f"{model['method']}, {height}x{width} px, {model['megabytes']} MB{scores}"


def _section(title: str, rows: list[tuple[str, str]]) -> None:
    print(f"{title}:")
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        print(f"  {name:<{width}}  {text}".rstrip())
    if not rows:
        print("  none")
    print()
