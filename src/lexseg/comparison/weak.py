"""Cells that see no training mask: towers aligned within the budget, and masks made of their maps."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from lexseg.comparison.configuration import within
from lexseg.comparison.job import CellJob
from lexseg.errors import ConfigError
from lexseg.training.config import TrainConfig
from lexseg.training.weak.align import AlignConfig, align
from lexseg.training.weak.folder import is_towers_folder
from lexseg.training.weak.pseudo import MANIFEST, PseudoOptions, pseudo_label
from lexseg.training.weak.scored import load_scored

TOWERS, LABELLED = "towers", "labelled"


def aligned(job: CellJob, config: TrainConfig, folder: Path, steps: int, train: dict[str, Any]) -> Path:
    """The cell's towers, aligned on its images and sentences; as they are where they are there already.

    Args:
        job: of the cell.
        config: of its training, for where the data are.
        folder: of the cell.
        steps: of the alignment.
        train: what is known of the training; its time is put in.

    Raises:
        ConfigError: a setting of the alignment cannot be used.
    """
    output, data = folder / TOWERS, config.data
    train |= {"steps": steps, "threads": job.threads}
    if is_towers_folder(output):
        return output
    try:
        settings = AlignConfig(
            **{
                "cases": list(data.cases),
                "text_column": list(data.text_column),
                "ids": data.ids,
                "split_file": data.split_file,
                "seed": config.seed,
                **job.align,
                "steps": steps,
            }
        )
    except TypeError as error:
        raise ConfigError(f"align: {error}") from error
    began = time.monotonic()
    align(settings, output)
    seconds = time.monotonic() - began
    train |= {"seconds": round(seconds, 2), "images_per_s": round(steps * settings.batch / max(seconds, 0.01), 3)}
    return output


def weakly(job: CellJob, config: TrainConfig, folder: Path, train: dict[str, Any]) -> TrainConfig:
    """The configuration that trains on the cell's pseudo-masks in the half of the steps that the alignment leaves."""
    half, output = config.trainer.steps // 2, folder / LABELLED
    towers = aligned(job, config, folder, half, train)
    if not (output / MANIFEST).is_file():
        shutil.rmtree(output, ignore_errors=True)
        data = config.data
        made = pseudo_label(
            load_scored(towers),
            [Path(path) for path in data.cases],
            output,
            PseudoOptions(**job.masks),
            text_columns=list(data.text_column),
            ids=data.ids,
            split_file=data.split_file,
        )
        train |= {"pseudo_masks": made.origins}
    told = replace(config.data, cases=[str(output / MANIFEST)], ids="", split_file="", text_column=["text"], repeat=[])
    return within(replace(config, data=told), config.trainer.steps - half, job.validations)
