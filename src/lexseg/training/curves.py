"""Curves of a run: a row an epoch in curves.csv, and curves.png."""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from lexseg.files import replace_file
from lexseg.training.task import SegmentationTask


class Curves(Callback):
    """Writes one row for each epoch, drops rows that a resumed run will write again, and draws them.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, float]] = []
        self._started = time.monotonic()
        self._trained: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of the epochs that are done."""
        path = self.folder / "curves.csv"
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["epoch"] < trainer.current_epoch]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started, self._trained = time.monotonic(), None

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at it: the rest of the epoch is no training."""
        self._trained = time.monotonic() - self._started

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's row of losses, scores and seconds."""
        assert isinstance(pl_module, SegmentationTask)
        metrics = trainer.callback_metrics  # waits for all devices
        if not trainer.is_global_zero:
            return
        now = time.monotonic() - self._started
        row = {
            "epoch": float(trainer.current_epoch),
            "step": float(trainer.global_step),
            "seconds": round(now, 1),
            "train_seconds": round(self._trained or now, 2),
            "lr": float(trainer.optimizers[0].param_groups[-1]["lr"]),
        }
        row |= {name: float(value) for name, value in sorted(metrics.items()) if name.startswith("loss/")}
        # not from the metrics: those keep the scores of an earlier validation
        row |= pl_module.logged
        self.rows.append(row)
        for logger in trainer.loggers:
            logger.log_metrics({"lr": row["lr"], "seconds": row["seconds"]}, step=trainer.global_step)
        replace_file(self.folder / "curves.csv", _as_csv(self.rows))
        if pl_module.validation:
            replace_file(self.folder / "curves.png", draw_curves(self.rows))


def draw_curves(rows: Sequence[Mapping[str, float]]) -> bytes:
    """Losses, validation scores and learning rate against the epoch, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    names = list(dict.fromkeys(name for row in rows for name in row))
    panels = (
        ("loss", [n for n in names if n.startswith("loss/")], "log"),
        ("validation", [n for n in names if n.startswith("val/")], "linear"),
        ("learning rate", ["lr"], "linear"),
    )
    for axes, (title, chosen, scale) in zip(figure.subplots(1, 3), panels, strict=True):
        for name in chosen:
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            label = name.removeprefix("loss/").removeprefix("val/").replace("_", " ")
            axes.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else None, label=label)
        axes.set(title=title, xlabel="epoch")
        positive = all(row[name] > 0 for row in rows for name in chosen if name in row)
        axes.set_yscale(scale if positive else "linear")
        if axes.get_yscale() == "log":
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(FuncFormatter(lambda v, _: f"{v:g}" if f"{v:.0e}"[0] in "25" else ""))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if len(chosen) > 1:
            axes.legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _as_csv(rows: Sequence[Mapping[str, float]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8")
