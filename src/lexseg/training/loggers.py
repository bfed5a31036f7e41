"""Where a run's losses and scores go: Lightning's own loggers, by name."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lexseg.errors import ConfigError


def make_loggers(names: Sequence[str], output: Path) -> Any:
    """The loggers of a run. They get numbers alone: no settings, no sentences, no images.

    Args:
        names: of `LOGGERS`.
        output: the run's folder, under which what they write themselves goes.

    Returns:
        Lightning's loggers; ``False``, which Lightning reads as none, where none is named.

    Raises:
        ConfigError: the package of one is not installed, or it cannot be reached.
    """
    made = []
    for name in dict.fromkeys(names):
        try:
            made.append(LOGGERS[name](output))
        except ImportError as error:  # Lightning raises this kind where a package is missing
            raise ConfigError(
                f"trainer.loggers: {name} needs a package that is not installed: pip install {name} ({error})"
            ) from error
        # a service's client raises nearly anything where nobody is logged in, or nothing answers
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ConfigError(f"trainer.loggers: {name} cannot be begun: {reason[0]}") from error
    return made or False


def _tensorboard(output: Path) -> Any:
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(output, name="tensorboard", version="")


def _csv(output: Path) -> Any:
    from lightning.pytorch.loggers import CSVLogger

    return CSVLogger(output, name="csv", version="")


def _wandb(output: Path) -> Any:
    from lightning.pytorch.loggers import WandbLogger

    logger = WandbLogger(name=output.name, project=os.environ.get("WANDB_PROJECT", "lexseg"), save_dir=output)
    _ = logger.experiment  # begins the run: what is wrong is told before training
    return logger


def _mlflow(output: Path) -> Any:
    from lightning.pytorch.loggers import MLFlowLogger

    where = os.environ.get("MLFLOW_TRACKING_URI") or (output / "mlflow").resolve().as_uri()
    return MLFlowLogger(experiment_name="lexseg", run_name=output.name, tracking_uri=where)


LOGGERS: Mapping[str, Callable[[Path], Any]] = {
    "tensorboard": _tensorboard,
    "csv": _csv,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
