"""``lexseg pseudo-label``: masks to train on, from images, sentences and a model that has a score of both."""

import argparse
from pathlib import Path
from shlex import quote

from lexseg.cli.check import progress_bar
from lexseg.cli.main import add_device
from lexseg.errors import ConfigError

_KINDS = ("own", "grad-cam", "m2ib", "mask")
_SCORES = ("likeness", "relevance", "presence")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``pseudo-label`` to the command line."""
    parser = commands.add_parser(
        "pseudo-label",
        help="make masks to train on from images and sentences",
        description="Make a manifest whose training images have masks of what a model takes their sentences to mean. "
        "Their own masks, where there are any, are never opened.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("cases", nargs="+", type=Path, metavar="CASES", help="manifests with images and sentences")
    add("--model", metavar="MODEL", help="towers (`lexseg pretrain align`), or any model that reads words and says "
        "whether they are true: a bundled name, a folder or a hub id; with --field it may be left out")  # fmt: skip
    add("--field", metavar="FIELD", help="where a finding can lie, of which masks are the parts that sentences name "
        "(sides by thirds), or with --model what its map finds in them: a folder of masks named as the images are, "
        "column:NAME of the manifest, or a model (`lexseg pretrain field`)")  # fmt: skip
    add("--output", type=Path, required=True, metavar="DIR", help="folder to make, with cases.csv; train on it")
    add("--saliency", choices=_KINDS, help="the map that masks are made of: the model's own, Grad-CAM, M2IB, or "
        "the probability of its mask (default: m2ib, the best measured; own takes a tenth of the time)")  # fmt: skip
    add("--score", choices=_SCORES, help="which score of the model, of several")
    add("--beta", type=float, default=1.0, help="of M2IB: the larger, the less is let through (default: 1)")
    add("--keep", type=int, default=1, metavar="K", help="components of a mask, the largest (default: 1; lungs: 2)")
    add("--parts", action="store_true", help="keep each mask to the parts of its image that the sentence names (halves "
        "by thirds)")  # fmt: skip
    add("--sam", action="store_true", help="have LiteMedSAM answer the box of each map (pip install 'lexseg[sam]')")
    add("--phrase", default="", metavar="TEXT", help="asked of every image in place of its sentence")
    add("--text_column", "--text-column", default="text", metavar="NAME", help="column of the sentence (default: text)")
    add("--ask", type=int, default=0, metavar="N", help="list the N images most worth a hand-drawn mask")
    add("--limit", type=int, default=0, metavar="N", help="label no more than N images (default: all)")
    add_device(add)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the masks, and say what they were made of."""
    from lexseg.training.weak.fields import Fields
    from lexseg.training.weak.pseudo import ASK, PseudoOptions, pseudo_label
    from lexseg.training.weak.saliency import M2IBOptions
    from lexseg.training.weak.scored import load_scored

    options = PseudoOptions(
        saliency=args.saliency,
        keep=args.keep,
        parts=args.parts,
        sam=args.sam,
        phrase=args.phrase,
        ask=args.ask,
        limit=args.limit,
        m2ib=M2IBOptions(beta=args.beta),
    )
    columns = [part.strip() for part in args.text_column.split(",") if part.strip()]
    if not args.model and not args.field:
        raise ConfigError("name what masks are made of: --model MODEL, --field FIELD, or both")
    scored = load_scored(args.model, kind=args.score, device=args.device) if args.model else None
    fields = Fields(args.field, device=args.device) if args.field else None
    with progress_bar("Making masks") as progress:
        made = pseudo_label(
            scored, args.cases, args.output, options, text_columns=columns, fields=fields, progress=progress
        )
    parts = [f"{count:,} from {_WORDS[origin]}" for origin, count in sorted(made.origins.items())]
    print(f"{sum(made.origins.values()):,} masks: {', '.join(parts)}")
    print(f"{made.carried:,} rows taken over as they are" + (f"; {made.left:,} left out" if made.left else ""))
    if made.asked:
        print(f"the images most worth a hand-drawn mask are in {args.output / ASK}")
    print(f"train on them: lexseg train --config tmca-lite --data.cases {quote(str(made.manifest))}")
    return 0


_WORDS = {
    "map": "the map",
    "sam": "LiteMedSAM's answer to its box",
    "field": "the parts of the field that are named",
    "whole image": "nothing: the map, or the field, was empty",
}
