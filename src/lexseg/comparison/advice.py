"""Which recipe and regime our own measurements would choose for a user's cases, and by which row of the table."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from shlex import quote

from lexseg.cases.manifest import read_manifests
from lexseg.cases.splits import leaks
from lexseg.errors import DataError
from lexseg.training.regimes import NONE

SUPERVISED = (NONE, "supervised")
ENOUGH_WORDS = 0.5
"""Share of the training cases that must have a sentence, for a recipe that reads them."""
FAR = 4.0
"""Ratio of numbers of labels beyond which a row is a hint alone."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What a user has, of the cases that may be trained on.

    Attributes:
        labelled: cases whose mask is there, or whose target is known to be absent.
        unlabelled: the others.
        told: cases of either kind that have a sentence.
        leaking: cases whose sentence was written from the mask, as the manifest says.
        patients: distinct patients; ``None`` where some case names none.
        kept_apart: cases of ``val`` and ``test``.
        problems: patients or images that stand in two splits.
    """

    labelled: int
    unlabelled: int
    told: int
    leaking: int
    patients: int | None
    kept_apart: int
    problems: int = 0

    @property
    def reads(self) -> bool:
        """Whether there are sentences enough for a recipe that reads them."""
        return self.told >= ENOUGH_WORDS * (self.labelled + self.unlabelled)


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """A row of what we measured.

    Attributes:
        dataset, labels, unlabelled: on what.
        recipe, regime, words: what was trained, and what unlabelled images were asked with.
        draws, runs: of labels, and of each draw.
        dice: per image, on validation cases.
        gain: over the same recipe supervised only, with a 95 % interval; ``None`` for what is not compared.
        source: where it stands.
    """

    dataset: str
    labels: int
    unlabelled: int
    recipe: str
    regime: str
    words: str
    draws: int
    runs: int
    dice: float
    gain: tuple[float, float, float] | None
    source: str

    @property
    def proven(self) -> bool:
        """Whether a regime's gain has an interval above 0; without a regime there is nothing to prove."""
        return self.regime in SUPERVISED or (self.gain is not None and self.gain[1] > 0)

    def __str__(self) -> str:
        regime = "" if self.regime in SUPERVISED else f" by {self.regime}, {self.unlabelled:,} unlabelled"
        gain = "" if self.gain is None else " ({:+.3f} [{:+.3f}, {:+.3f}] over supervised only)".format(*self.gain)
        return (
            f"{self.recipe}{regime}: Dice {self.dice:.3f} per image{gain}; {self.dataset}, {self.labels:,} labels, "
            f"{self.draws} draw{'s' * (self.draws > 1)} of labels, {self.runs} run{'s' * (self.runs > 1)} each "
            f"({self.source})"
        )


@dataclass(frozen=True, slots=True)
class Advice:
    """What we would do.

    Attributes:
        row: what it rests on; ``None`` where nothing can be trained yet.
        beside: the other rows of the same data and number of labels that could have been chosen, best first.
        command: to begin with; empty where nothing can be trained yet.
        notes: what is to be known beside it.
    """

    row: MeasuredRow | None
    beside: tuple[MeasuredRow, ...]
    command: str
    notes: tuple[str, ...]


def measurements() -> list[MeasuredRow]:
    """The table that comes with the package."""
    text = (files("lexseg") / "assets" / "measured" / "advice.csv").read_text(encoding="utf-8")
    return [_measured(row) for row in csv.DictReader(text.splitlines())]


def stock_of(manifests: Sequence[str]) -> Stock:
    """What there is to train on in manifests. Masks are not opened.

    Raises:
        DataError: a manifest cannot be used, or has no training case.
    """
    cases = read_manifests(manifests)
    training = [c for c in cases if c.split in (None, "train")]
    if not training:
        raise DataError(f"{', '.join(manifests)}: no case of the split 'train'; there is nothing to train on")
    patients = {c.patient for c in training}
    return Stock(
        labelled=sum(c.is_located for c in training),
        unlabelled=sum(not c.is_located for c in training),
        told=sum(any(c.texts) for c in training),
        leaking=sum(c.leaks_mask is True for c in training),
        patients=None if None in patients else len(patients),
        kept_apart=len(cases) - len(training),
        problems=len(leaks(cases)),
    )


def advise(stock: Stock, rows: Sequence[MeasuredRow], manifests: Sequence[str] = ("CASES",)) -> Advice:
    """What the rows say for such a stock.

    Of the rows that could be repeated with it, those of the data whose number of labels is nearest (as a ratio) are
    held side by side; of these the best Dice is taken, where a regime counts only if its gain over supervised only has
    an interval above 0.

    Args:
        stock: what there is.
        rows: what was measured.
        manifests: for the command.
    """
    notes = list(_notes(stock))
    if not stock.labelled:
        start = (
            "begin with the packaged encoder. One from the images alone (`lexseg pretrain restoration`) was worth "
            "something to us in short trainings from random weights only (docs/how-to/train-with-few-masks.md)"
        )
        if stock.reads:
            start = "meanwhile align an encoder with the sentences (`lexseg pretrain align`)"
        return Advice(None, (), "", (f"no case has a mask: draw some first; {start}", *notes))
    able = [r for r in rows if stock.unlabelled or r.regime in SUPERVISED]
    able = [r for r in able if (r.words == "own") == stock.reads] or able
    nearest = min(able, key=lambda r: abs(math.log(r.labels / stock.labelled)))
    beside = sorted(
        (r for r in able if (r.dataset, r.labels) == (nearest.dataset, nearest.labels)), key=lambda r: -r.dice
    )
    row = next((r for r in beside if r.proven), beside[0])
    if max(row.labels, stock.labelled) / min(row.labels, stock.labelled) > FAR:
        notes.append(f"the nearest row has {row.labels:,} labels, you have {stock.labelled:,}: take it as a hint alone")
    if stock.unlabelled and not any(r.regime not in SUPERVISED and r.proven for r in beside):
        notes.append(
            f"your {stock.unlabelled:,} unlabelled cases are of no proven use by any row there; to see for yourself: "
            f"lexseg train --regime {_likeliest(rows)}"
        )
    regime = "" if row.regime == NONE else f" --regime {row.regime} --trainer.steps 1000"
    if stock.unlabelled and not regime:
        regime = " --regime supervised --trainer.steps 1000"
    command = f"lexseg train --config {row.recipe} --data.cases {quote(','.join(manifests))}{regime} --output run"
    return Advice(row, tuple(r for r in beside if r is not row), command, tuple(notes))


def _likeliest(rows: Sequence[MeasuredRow]) -> str:
    """The regime that gained most wherever a gain was proven; the simplest where none was."""
    proven = [(r.gain[0], r.regime) for r in rows if r.gain is not None and r.proven and r.regime not in SUPERVISED]
    return max(proven)[1] if proven else "mean-teacher"


def _notes(stock: Stock) -> list[str]:
    notes = []
    if stock.problems:
        notes.append(f"{stock.problems} rows stand in two splits by patient or image: `lexseg check` names them")
    if stock.leaking:
        notes.append(f"{stock.leaking:,} sentences were written from the masks: scores with them are an upper bound")
    if stock.patients is None:
        notes.append("some cases name no patient: splits and labels are drawn by image, which flatters scores")
    if not stock.kept_apart:
        notes.append("no case is kept apart: 15 % of the patients will validate and 15 % test, drawn by the seed")
    return notes


def _measured(row: dict[str, str]) -> MeasuredRow:
    gain = (float(row["gain"]), float(row["gain_low"]), float(row["gain_high"])) if row["gain"] else None
    return MeasuredRow(
        dataset=row["dataset"],
        labels=int(row["labels"]),
        unlabelled=int(row["unlabelled"]),
        recipe=row["recipe"],
        regime=row["regime"],
        words=row["words"],
        draws=int(row["draws"]),
        runs=int(row["runs"]),
        dice=float(row["dice"]),
        gain=gain,
        source=row["source"],
    )
