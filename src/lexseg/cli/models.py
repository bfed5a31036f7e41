"""``lexseg models``: what there is to choose from, and what a model has learnt."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lexseg.models.config import World

_UNKNOWN = """scope: unknown. Its folder does not say what it has learnt, so nothing that it is asked is refused: an
older LexSeg saved it, or its recipe named no worlds. `lexseg scope MODEL CASES --worlds NAMES` fits and writes it."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``models`` to the command line."""
    text = "list methods, recipes and bundled models, or tell what a model has learnt"
    parser = commands.add_parser("models", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="a bundled name, a model folder or a hub id: tell which anatomies, findings and modalities it has learnt",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with all that is known")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the catalogue, or one model."""
    if args.model is not None:
        return _one(args.model, as_json=args.json)
    from lexseg.models.catalogue import catalogue

    found = catalogue()
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    _section("methods (see `lexseg train`)", [(m["name"], m["summary"]) for m in found["methods"]])
    _section("recipes (`lexseg train --config NAME`)", [(r["name"], r["summary"]) for r in found["recipes"]])
    _section("bundled models (`--model NAME`)", [(m["name"], _describe(m)) for m in found["models"]])
    print("`lexseg models NAME` tells what a model has learnt.")
    return 0


def _one(name: str, *, as_json: bool) -> int:
    from lexseg.models.catalogue import about, about_encoder
    from lexseg.models.config import find_model, read_worlds

    if (encoder := about_encoder(name)) is not None:
        print(json.dumps(encoder, indent=2) if as_json else _encoder(encoder))
        return 0
    folder = find_model(name)
    model, told = about(name, folder), read_worlds(folder)
    worlds = None if told is None else told[0]
    if as_json:
        print(json.dumps(model | {"scope": None if worlds is None else [asdict(each) for each in worlds]}, indent=2))
        return 0
    print(f"{name}: {_describe(model)}")
    if "taught" in model:
        print(_taught(model))
        return 0
    if worlds is None:
        print(_UNKNOWN)
        if model["modalities"]:
            print(f"images of its training: {', '.join(model['modalities'])}")
        return 0
    print("It has learnt:")
    for world in worlds:
        _print_world(world)
    print("Asked for anything else, or shown another kind of image, it answers: not in scope.")
    return 0


def _encoder(told: dict[str, Any]) -> str:
    """An encoder folder in words: no model, but where one can start."""
    learnt = "" if told["images"] is None else f", from {told['images']:,} images without masks"
    rows = [
        f"{told['name']}: the image encoder {told['encoder']}{learnt} ({told['made_by']}), {told['megabytes']:g} MB"
    ]
    rows.append("A recipe with this encoder starts from it: lexseg train --model.encoder_args.pretrained FOLDER")
    if told["points_at_words"]:
        rows.append(f"It read {told['sentences']:,} sentences and points at what they mean: lexseg pseudo-label")
    return "\n".join(rows)


def _taught(told: dict[str, Any]) -> str:
    """A model of few shots in words: it finds one target, which its labels alone say."""
    stands = f"the features of a {told['of']} model" if told["of"] else "no other model's features"
    images, pixels = told["taught"].get("images", 0), told["taught"].get("pixels", {})
    if not images:
        return f"The head {told['head']} on {stands}; it was taught by no image: learnt over tasks, or by words alone."
    return (
        f"The head {told['head']} on {stands}, taught from {images} image{'s' if images > 1 else ''}: "
        f"{pixels.get('target', 0):,} labelled pixels of its target, {pixels.get('beside', 0):,} beside it. It finds "
        "that target, whatever the sentence says, and refuses no image."
    )


def _print_world(world: "World") -> None:
    print(f"\n{world.name}")
    lines = {
        "anatomy": world.anatomy,
        "modality": ", ".join(world.modalities) or "not said",
        "findings": ", ".join(world.findings) or "those of its training sentences",
        "such as": "; ".join(f'"{text}"' for text in world.examples),
        "terms": world.terms,
    }
    for title, text in lines.items():
        if text:
            print(f"  {title:<9} {text}")


def _describe(model: dict[str, Any]) -> str:
    dice = model["dice"]
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
