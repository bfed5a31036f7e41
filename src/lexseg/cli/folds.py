"""``lexseg folds``: cross-validation, and the ensemble of its models."""

import sys
from collections.abc import Sequence

from lexseg.cli.train import INTERRUPTED, as_begun, as_initial, with_recipe_paths, with_regime_names
from lexseg.cli.values import path


def main(argv: Sequence[str]) -> int:
    """Train each part, print their scores, say where the ensemble is. Settings are those of ``lexseg train``."""
    from argparse import ArgumentError

    from lexseg.cli.network import say_if_offline
    from lexseg.training.recipe import read_recipe, settings_parser, to_config

    parser = settings_parser(
        prog="lexseg folds",
        description="Cross-validate: train on all parts of your cases but one, for each part (data.folds of them, by "
        "patient), score each on the part left out, and join the models into one that answers as their mean. Rows of "
        "the split test stay out.",
        exit_on_error=False,
    )
    parser.add_argument("--output", type=path, required=True, metavar="DIR", help="gets fold0, fold1, ... and ensemble")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier call stopped")
    parser.add_argument("--init", type=str, metavar="MODEL", help="start each from the weights of this model")
    parser.set_defaults({"data.folds": 5})
    arguments, recipes = with_recipe_paths(with_regime_names(argv))
    try:
        for recipe in recipes:
            read_recipe(recipe)  # names the file and the key, where something in it is wrong
        settings = parser.parse_args(arguments)
        own = settings.output / "fold0" / "config.yaml"
        if settings.resume and own.is_file():
            parser.set_defaults(as_begun(own.parent))
            settings = parser.parse_args(["--config", str(own), *arguments])
        elif settings.init is not None and not recipes:
            parser.set_defaults(as_initial(settings.init))
            settings = parser.parse_args(arguments)
        config = to_config(parser, settings)
    except ArgumentError as error:
        print(f"error: {error}\n`lexseg folds --help` lists all options", file=sys.stderr)
        return 2

    if not (settings.resume or settings.init or recipes):
        say_if_offline()
    from lexseg.training.folds import ENSEMBLE, train_folds

    reasons: list[str] = []

    def begun(fold: int) -> None:
        print(f"part {fold + 1} of {config.data.folds}", flush=True)

    scores = train_folds(
        config, settings.output, resume=settings.resume, init=settings.init, stopped=reasons.append, begun=begun
    )
    if reasons:
        return INTERRUPTED if "SIGINT" in reasons else 0
    for score in scores:
        print(
            f"fold{score.fold}  {score.cases:,} cases  Dice {score.per_image:.4f} per image, {score.pooled:.4f} pooled"
        )
    cases = sum(score.cases for score in scores)
    if cases:
        mean = sum(score.per_image * score.cases for score in scores) / cases
        print(f"all  {cases:,} cases  Dice {mean:.4f} per image, each asked of the model that did not train on it")
    print(f"the ensemble is in {settings.output / ENSEMBLE}")
    return 0
