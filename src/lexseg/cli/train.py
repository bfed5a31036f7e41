"""``lexseg train``."""

import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from lexseg.errors import ConfigError


def main(argv: Sequence[str]) -> int:
    """Parse, train, say where the model is."""
    from jsonargparse import ArgumentParser

    from lexseg.training.config import TrainConfig

    parser = ArgumentParser(prog="lexseg train", description="Train a method on your cases.")
    parser.add_argument("--config", action="config", help="a recipe's name (see `lexseg models`) or a YAML file")
    parser.add_class_arguments(TrainConfig, None)
    parser.add_argument("--output", type=Path, required=True, metavar="RUN", help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on after the last whole epoch")
    parser.add_argument("--init", type=str, default=None, metavar="MODEL", help="start from this model's weights")
    args = parser.parse_args(_with_recipe_paths(argv))
    values = args.clone()
    output, resume, init = values.pop("output"), values.pop("resume"), values.pop("init")
    values.pop("config", None)
    config = TrainConfig(**parser.instantiate(values).as_dict())

    from lexseg.training.run import train

    folder = train(config, output, resume=resume, init=Path(init) if init else None)
    print(f"the model is in {folder}")
    return 0


def _with_recipe_paths(argv: Sequence[str]) -> list[str]:
    """Put the path of a shipped recipe where its name stands."""
    out = list(argv)
    for i, word in enumerate(out):
        name = (
            word.removeprefix("--config=")
            if word.startswith("--config=")
            else out[i]
            if i and out[i - 1] == "--config"
            else None
        )
        if name is None:
            continue
        path = recipe_path(name)
        out[i] = f"--config={path}" if word.startswith("--config=") else str(path)
    return out


def recipe_path(name: str) -> Path:
    """The file of a recipe, given by name or path."""
    shipped = Path(str(files("lexseg") / "assets" / "recipes"))
    if (shipped / f"{name}.yaml").is_file():
        return shipped / f"{name}.yaml"
    if Path(name).is_file():
        return Path(name)
    names = ", ".join(sorted(p.stem for p in shipped.glob("*.yaml")))
    raise ConfigError(f"--config {name}: neither a shipped recipe ({names}) nor a file")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
