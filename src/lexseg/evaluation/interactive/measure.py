"""All cases, corrected by the simulated user and by the yardsticks."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lexseg.cases.case import Case
from lexseg.cases.truth import read_truth
from lexseg.errors import DataError
from lexseg.evaluation.interactive import play
from lexseg.evaluation.interactive.play import Player, Trace
from lexseg.interaction.refining import refiner_of
from lexseg.interaction.session import CorrectionSession
from lexseg.metrics.intervals import bootstrap_difference, bootstrap_mean
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image
from lexseg.training.refiner.folder import LoadedRefiner

PLAYERS: Mapping[str, Player] = {
    "words": play.by_words,
    "noisy": play.noisy,
    "random": play.at_random,
    "random_undone": play.at_random_undone,
    "clicks": play.by_clicks,
}
"""Who corrects, by name: the simulated user, and the yardsticks beside it."""
REFINED = "refined_clicks"
AIMS = (0.85, 0.90)


@dataclass(frozen=True, slots=True)
class Played:
    """One case. Attributes: case; traces: by player; best: Dice at the best threshold of this image."""

    case: Case
    traces: Mapping[str, Trace]
    best: float


def play_cases(
    segmenter: Segmenter,
    cases: Sequence[Case],
    commands: int,
    *,
    seed: int = 0,
    players: Sequence[str] = tuple(PLAYERS),
    refiner: LoadedRefiner | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Played]:
    """Have each player correct the model's mask of each case.

    Args:
        segmenter: the model; it is asked with the case's sentence, at its own threshold.
        cases: with masks.
        commands: how many corrections each player has.
        seed: of the wordings and of all chance.
        players: of `PLAYERS`.
        refiner: answers the clicks of one more yardstick, ``refined_clicks``.
        progress: told how far it is.

    Raises:
        DataError: if a case has no mask to correct towards.
    """
    for case in cases:
        if case.mask is None:
            raise DataError(f"{case.where}: there is no mask, so a simulated user cannot see what is wrong")
    played = []
    for number, case in enumerate(cases):
        image = segmenter.set_image(read_image(case.image), spacing=case.spacing)
        truth = read_truth(case)
        first = CorrectionSession.start(image, case.text or None, laterality=case.laterality)
        traces = {}
        for at, name in enumerate(players):
            session = CorrectionSession(first.first, first.look)
            traces[name] = PLAYERS[name](session, truth, commands, np.random.default_rng([seed, number, at]))
        if refiner is not None:
            refine = refiner_of(refiner, read_image(case.image))
            session = CorrectionSession(first.first, first.look, refine=refine)
            traces[REFINED] = play.by_clicks(session, truth, commands, np.random.default_rng([seed, number]))
        played.append(Played(case, traces, play.best_threshold(first.first, truth)))
        if progress is not None:
            progress(number + 1, len(cases))
    return played


def summary_of(played: Sequence[Played], commands: int, *, seed: int = 0, n_resamples: int = 2000) -> dict[str, Any]:
    """What the report says.

    Returns:
        plain JSON values: for each player Dice after 0, 1, ... commands (mean over images, with intervals by patient
        at 0, 5 and the last), the mean number of commands to reach 0.85 and 0.90 and the share of images that do,
        the share of commands that helped, the share that was not understood, seconds a command; the best threshold of
        each image; and how far words lie above the yardsticks after 5 commands.
    """
    clusters = [each.case.cluster for each in played]
    how: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed}
    shown = sorted({0, min(5, commands), commands})
    players = {}
    for name in played[0].traces:
        traces = [each.traces[name] for each in played]
        dices = np.array([trace.dice for trace in traces])
        said = [s for trace in traces for s in trace.seconds]
        helped = [h for trace in traces for h in trace.helped]
        players[name] = {
            "dice": [round(float(value), 4) for value in dices.mean(axis=0)],
            "ci95": {str(k): _ends(bootstrap_mean(dices[:, k], clusters, **how)) for k in shown},
            **{f"noc{round(100 * aim)}": _commands_to(dices, aim) for aim in AIMS},
            "helped": round(float(np.mean(helped)), 4) if helped else None,
            "not_understood": round(sum(trace.not_understood for trace in traces) / len(said), 4) if said else None,
            "seconds": round(float(np.mean(said)), 5) if said else None,
            "worse_than_first": int(np.count_nonzero(dices[:, -1] < dices[:, 0] - 1e-9)),
        }
    best = np.array([each.best for each in played])
    at = min(5, commands)
    gains: dict[str, Any] = {}
    if "words" in players:
        words = np.array([each.traces["words"].dice for each in played])
        others = {name: np.array([each.traces[name].dice for each in played])[:, at] for name in players}
        others = {"first": words[:, 0], "best_threshold": best, **others}
        for name, other in others.items():
            if name != "words":
                interval = bootstrap_difference(words[:, at], other, clusters, **how)
                gains[name] = {"mean": round(interval.mean, 4), "ci95": _ends(interval)}
    return {
        "n": len(played),
        "commands": commands,
        "seed": seed,
        "players": players,
        "best_threshold": round(float(best.mean()), 4),
        f"words_after_{at}_above": gains,
    }


def table_of(played: Sequence[Played]) -> str:
    """One row a case and player, as CSV: Dice after each command. No sentence is in it."""
    buffer = io.StringIO(newline="")
    commands = len(next(iter(played[0].traces.values())).dice)
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "player", "best_threshold", *(f"dice_{k}" for k in range(commands))])
    for each in played:
        for name, trace in each.traces.items():
            writer.writerow([each.case.id, name, f"{each.best:.6g}", *(f"{value:.6g}" for value in trace.dice)])
    return buffer.getvalue()


def lines_of(summary: Mapping[str, Any]) -> list[str]:
    """The summary as lines of print."""
    shown = sorted({0, 1, 3, min(5, summary["commands"]), summary["commands"]} & set(range(summary["commands"] + 1)))
    rows = [f"  {'':<14}" + "".join(f"Dice@{k:<4}" for k in shown) + "NoC@85      NoC@90      helped  ms a command"]
    for name, part in summary["players"].items():
        cells = "".join(f"{part['dice'][k]:<9.4f}" for k in shown)
        aims = "".join(f"{part[key]['mean']:.1f} ({part[key]['reached']:.0%})".ljust(12) for key in ("noc85", "noc90"))
        helped = "-" if part["helped"] is None else f"{part['helped']:.0%}"
        took = "-" if part["seconds"] is None else f"{1000 * part['seconds']:.0f}"
        rows.append(f"  {name.replace('_', ' '):<14}{cells}{aims}{helped:<8}{took}")
    rows.append(f"  best threshold of each image {summary['best_threshold']:.4f}")
    for key, gains in summary.items():
        if key.startswith("words_after"):
            at = key.split("_")[2]
            rows += [
                f"  words after {at} above {name.replace('_', ' ')}: {part['mean']:+.4f}{_ranged(part['ci95'])}"
                for name, part in gains.items()
            ]
    return rows


def _commands_to(dices: "np.ndarray[Any, np.dtype[np.float64]]", aim: float) -> dict[str, float]:
    """Commands until an aim is reached; images that never reach it count one more than there are commands."""
    reached = dices >= aim
    number = np.where(reached.any(axis=1), reached.argmax(axis=1), dices.shape[1])
    return {"mean": round(float(number.mean()), 3), "reached": round(float(reached.any(axis=1).mean()), 4)}


def _ends(interval: Any) -> list[float] | None:
    return [round(interval.low, 4), round(interval.high, 4)] if interval.known else None


def _ranged(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f" [{ends[0]:+.4f}, {ends[1]:+.4f}]"
