"""``lexseg train``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lexseg.cli.values import path

INTERRUPTED = 130  # of a process that Ctrl-C ended, as shells count


def main(argv: Sequence[str]) -> int:
    """Parse, train, say where the model is.

    Settings come from the defaults, the recipe and the command line, the later over the earlier; of a run that goes on,
    from its own ``config.yaml`` first.
    """
    from argparse import ArgumentError

    from lexseg.cli.network import say_if_offline
    from lexseg.training.published import as_published
    from lexseg.training.recipe import read_recipe, settings_parser, to_config

    parser = settings_parser(prog="lexseg train", description="Train a method on your cases.", exit_on_error=False)
    parser.add_argument("--output", type=path, required=True, metavar="RUN", help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on after the last whole epoch of the run")
    parser.add_argument(
        "--init",
        type=str,
        metavar="MODEL",
        help="start from the weights of a bundled model, folder or hub id; "
        "without --config, method, model, text encoder and size are its own",
    )
    parser.add_argument(
        "--as-published", action="store_true", help="with the faults of the code that the method's authors released"
    )
    arguments, recipes = with_recipe_paths(with_regime_names(argv))
    try:
        for recipe in recipes:
            read_recipe(recipe)  # names the file and the key, where something in it is wrong
        settings = parser.parse_args(arguments)
        own = settings.output / "config.yaml"
        if settings.init is not None and not recipes and not settings.resume:
            parser.set_defaults(as_initial(settings.init))
            settings = parser.parse_args(arguments)
        if settings.resume and own.is_file():
            read_recipe(own)
            parser.set_defaults(as_begun(settings.output))
            settings = parser.parse_args(["--config", str(own), *arguments])
        config = to_config(parser, settings)
        if settings.as_published:
            config = as_published(config)
    except ArgumentError as error:
        print(f"error: {error}\n`lexseg train --help` lists all options", file=sys.stderr)
        return 2

    # once the options are known to be good, and before anything imports the hub's client
    if "--resume" not in argv and not any(word.startswith(("--config", "--init")) for word in argv):
        say_if_offline()
    from lexseg.training.run import is_first_process, train

    reasons: list[str] = []
    folder = train(config, settings.output, resume=settings.resume, init=settings.init, stopped=reasons.append)
    if is_first_process():
        print(f"the model is in {folder}")
    return INTERRUPTED if "SIGINT" in reasons else 0


def as_initial(init: str) -> dict[str, object]:
    """The settings, by dotted names, without which a run could not begin with a model's weights."""
    from lexseg.training.start import settings_of

    return settings_of(init)


def with_regime_names(argv: Sequence[str]) -> list[str]:
    """The arguments with ``--regime NAME`` as what it is short for, ``--regime.kind NAME``."""
    out = list(argv)
    for i, word in enumerate(out):
        if word == "--regime" or word.startswith("--regime="):
            out[i] = word.replace("--regime", "--regime.kind", 1)
    return out


def as_begun(output: Path) -> dict[str, str]:
    """The settings, by dotted names, that an older run does not state and did not choose."""
    from lexseg.training.folder import unsaid

    return unsaid(output)


def with_recipe_paths(argv: Sequence[str]) -> tuple[list[str], list[Path]]:
    """The arguments with the path of a shipped recipe where its name stands, and the recipes."""
    from lexseg.training.recipe import recipe_path

    out, recipes = list(argv), []
    for i, word in enumerate(out):
        if word.startswith("--config="):
            recipes.append(recipe_path(word.removeprefix("--config=")))
            out[i] = f"--config={recipes[-1]}"
        elif i and out[i - 1] == "--config":
            recipes.append(recipe_path(word))
            out[i] = str(recipes[-1])
    return out, recipes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
