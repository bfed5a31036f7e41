"""``lexseg teacher``: pack, train elsewhere, distil here."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lexseg.cli.values import path, path_text

_USAGE = """usage: lexseg teacher {pack,train,distil} ...

A large model, trained in minutes where a GPU is at hand, teaches a small one:

  pack    images, questions, states of sentences, weights and code as a folder of at most 60 MiB
  train   a teacher from such a folder; on the bare machine: python PACK/code.zip PACK OUTPUT
  distil  teachers into the model of a recipe, on the CPU

`lexseg teacher pack --help` and so on list their options.

Research use only: not a medical device."""


def main(argv: Sequence[str]) -> int:
    """Parse and run one of the three."""
    commands: dict[str, Callable[[Sequence[str]], int]] = {"pack": _pack, "train": _train, "distil": _distil}
    if argv and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    asked = bool(argv) and argv[0] in ("-h", "--help")
    print(_USAGE, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def _pack(argv: Sequence[str]) -> int:
    from dataclasses import fields

    from lexseg.training.teacher.pack import make_pack
    from lexseg.training.teacher.questions import PackOptions

    def more(parser: Any) -> None:
        parser.add_argument("--output", type=path, required=True, metavar="PACK", help="the pack's folder")
        for option in fields(PackOptions):
            parser.add_argument(f"--{option.name}", type=option.type, default=option.default)

    parsed = _settings("pack", "Pack what a bare machine with a GPU needs.", argv, more)
    if parsed is None:
        return 2
    settings, config = parsed
    make_pack(config, settings.output, PackOptions(**{f.name: settings[f.name] for f in fields(PackOptions)}))
    print(f"the pack is in {settings.output}; there: python {settings.output}/code.zip {settings.output} OUTPUT")
    return 0


def _train(argv: Sequence[str]) -> int:
    import argparse

    from lexseg.training.teacher.bare import add_arguments, run

    parser = argparse.ArgumentParser(prog="lexseg teacher train", description="Train a teacher from a pack.")
    parser.register("type", Path, path)
    add_arguments(parser)
    return run(parser.parse_args(argv))


def _distil(argv: Sequence[str]) -> int:
    from lexseg.training.teacher.distil import distil
    from lexseg.training.teacher.fit import FitOptions

    def more(parser: Any) -> None:
        add = parser.add_argument
        add("--pack", type=path, required=True, metavar="PACK", help="the teachers' pack, or a larger one")
        add(
            "--teachers",
            type=path_text,
            required=True,
            metavar="A,B",
            help="folders of teachers, with commas between them",
        )
        add("--output", type=path, required=True, metavar="RUN", help="the run's folder")
        add("--minutes", type=float, default=60.0, help="how long to train")
        add("--steps", type=int, default=0, help="end after so many steps, if that is sooner")
        add("--share", type=float, default=0.5, help="of the teachers in a target; the rest is the truth")
        add("--images", type=int, default=16, help="images in a batch")
        add("--init", type=str, default=None, metavar="MODEL", help="start from the weights of this model")

    parsed = _settings("distil", "Distil teachers into the model of a recipe.", argv, more)
    if parsed is None:
        return 2
    settings, config = parsed
    precision = "bf16" if config.trainer.precision.startswith("bf16") else "32"
    options = FitOptions(settings.minutes, settings.steps, settings.images, config.data.sentences, 0, precision)
    teachers = [Path(part) for part in settings.teachers.split(",") if part]
    folder = distil(config, settings.pack, teachers, settings.output, options, share=settings.share, init=settings.init)
    print(f"the model is in {folder}")
    return 0


def _settings(name: str, description: str, argv: Sequence[str], more: Callable[[Any], None]) -> Any:
    """The parsed arguments and the recipe; ``None`` where they cannot be parsed, and it was said why."""
    from argparse import ArgumentError

    from lexseg.cli.train import with_recipe_paths
    from lexseg.training.recipe import read_recipe, settings_parser, to_config

    parser = settings_parser(prog=f"lexseg teacher {name}", description=description, exit_on_error=False)
    more(parser)
    arguments, recipes = with_recipe_paths(argv)
    try:
        for recipe in recipes:
            read_recipe(recipe)  # names the file and the key, where something in it is wrong
        settings = parser.parse_args(arguments)
        return settings, to_config(parser, settings)
    except ArgumentError as error:
        print(f"error: {error}\n`lexseg teacher {name} --help` lists all options", file=sys.stderr)
        return None
