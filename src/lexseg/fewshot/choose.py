"""What a head is told beside the labels: chosen by leaving each of the taught images out in turn, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from lexseg.fewshot.seen import Drawn, Seen
from lexseg.models.fewshot import FewShot
from lexseg.models.fewshot.heads import create_head
from lexseg.models.fewshot.heads.base import Pixels
from lexseg.models.fewshot.heads.ridge import Ridge

_DRAWN = 150
"""Pixels of each class of an image that a head is fitted to while it is chosen."""
_BETTER = 0.15
"""So much more of the left-out strokes; chosen on simulated scribbles (polyps, skin, CT), not on real ones."""
_CLOSED = ("ridge", "proto", "panet")
"""Heads that are fitted in a moment, so that they can be fitted often."""
RIDGES: tuple[tuple[dict[str, Any], dict[str, float]], ...] = (
    ({"lam": 10.0}, {"place": 1.0}),
    ({"lam": 100.0}, {"place": 1.0}),
    ({"lam": 1.0, "kernel": "gauss", "width": 0.5, "waves": 384}, {"place": 1.0}),
    ({"lam": 1.0, "kernel": "gauss", "width": 0.5, "waves": 384}, {"place": 3.0}),
    ({"lam": 1.0, "kernel": "gauss", "width": 0.5, "waves": 384}, {"place": 6.0}),
    ({"lam": 1.0, "kernel": "gauss", "width": 1.0, "waves": 384}, {"place": 0.3, "statistics": 2.0}),
)
"""What is tried for a ridge head: how smooth, by which kernel, and how much the place and the statistics count."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings of a few-shot head that did best on the examples left out.

    Attributes:
        head_args: the head's keywords.
        weights: how much each part counts.
        grown: whether labels are grown first.
        left_out: mean Dice of the left-out images against their (grown) labels; ``None`` where nothing was left out.
    """

    head_args: dict[str, Any]
    weights: dict[str, float] = field(default_factory=dict)
    left_out: float | None = None
    grown: bool = True


def choose(model: FewShot, seen: Sequence[Seen], head: str, given: Mapping[str, Any], *, tried: bool = True) -> Choice:
    """Choose a head's keywords, and whether it is fitted to grown labels, by leaving one image out.

    Keywords by the Dice of the left-out images against their own labels. Labels are grown unless heads fitted to them
    as drawn know the left-out images' strokes markedly better: walkers find an organ, and lose their way in vessels.

    From which score on a pixel is of the target is not chosen: a few scribbles cannot tell, and where it was (simulated
    scribbles), masks were worse than at the middle between the two classes.

    Args:
        model: whose mean and spread are set already.
        seen: the examples. Of one alone nothing is left out, and what has no better stands.
        head: its name.
        given: keywords that the user gave: they stand.
        tried: whether the keywords are open; else they are only judged.
    """
    own: list[tuple[dict[str, Any], dict[str, float]]] = [(dict(given), {})]
    if head == "ridge" and tried:
        own = [({**args, **given}, weights) for args, weights in RIDGES]
    if len(seen) < 2 or head not in _CLOSED:
        args, weights = own[2] if len(own) > 2 else own[0]
        return Choice(args, weights)
    kept = model.share.clone()
    best: dict[bool, tuple[Choice, float]] = {}
    for grown in (True, False):
        drawn = [each.grown if grown else each.drawn for each in seen]
        for args, weights in own:
            if tried:
                model.share.copy_(model.shares(weights))
            dice, strokes = _left_out(model, drawn, [each.drawn for each in seen], head, args, fresh=tried)
            if grown not in best or dice > (best[grown][0].left_out or 0.0):
                best[grown] = Choice(args, weights, dice, grown), strokes
    model.share.copy_(kept)
    return best[not best[False][1] > best[True][1] + _BETTER][0]


def _left_out(
    model: FewShot,
    labels: Sequence[Drawn],
    strokes: Sequence[Drawn],
    name: str,
    args: Mapping[str, Any],
    *,
    fresh: bool,
) -> tuple[float, float]:
    """Of the left-out images the mean Dice against their labels, and the mean accuracy on strokes, balanced."""
    dice, known = [], []
    with torch.no_grad():
        head = create_head(name, model.channels, model.word_width, **args) if fresh else model.head
        lift: Callable[[Tensor], Tensor] = lambda values: values  # noqa: E731
        if isinstance(head, Ridge) and head.kernel == "gauss":  # the waves of a pixel are the same whoever is left out
            lift = head.lifted
            head = Ridge(head.waves, lam=head.lam, most=head.most, scale=head.twice)
        fitted = [each.pixels(model, number).balanced(_DRAWN) for number, each in enumerate(labels)]
        fitted = [replace(part, values=lift(part.values)) for part in fitted]
        for left, (one, drawn) in enumerate(zip(labels, strokes, strict=True)):
            others = [part for number, part in enumerate(fitted) if number != left]
            state = head.adapt(together(others, model.word))
            values, wanted = one.judged
            dice.append(_dice(head.score(lift(model.embedding(values)), state) > 0, wanted > 0.5))
            stroke = drawn.pixels(model, 0).balanced(_DRAWN)
            right = (head.score(lift(stroke.values), state) > 0) == (stroke.labels > 0.5)
            known.append(torch.stack([right[stroke.labels == label].float().mean() for label in (0, 1)]).mean())
    return float(torch.stack(dice).mean()), float(torch.stack(known).mean())


def together(parts: Sequence[Pixels], words: Tensor | None) -> Pixels:
    """Pixels of several images as one."""
    values, labels, image = (torch.cat([getattr(p, name) for p in parts]) for name in ("values", "labels", "image"))
    return Pixels(values, labels, image, words)


def _dice(found: Tensor, wanted: Tensor) -> Tensor:
    return 2 * (found & wanted).sum() / (found.sum() + wanted.sum()).clamp(min=1)
