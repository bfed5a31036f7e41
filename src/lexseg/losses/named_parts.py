"""Cells against the parts of the image that a caption names: multiple instances, side against side."""

import torch
from torch import Tensor
from torch.nn import functional as F

_SHARE = 0.2  # of a part's cells that speak for it
_ABSOLUTE = 0.1  # weight of what is said of a part by itself, beside what is said of two sides


def named_parts_loss(logits: Tensor, named: Tensor, known: Tensor, *, share: float = _SHARE) -> Tensor:
    """How badly cells tell the parts of an image that its caption names from those it does not.

        t_P = mean of the largest ``share`` of a(x) in part P
        sides:    mean over heights of which one side P is named and the other, Q, is not: softplus(1 - (t_P - t_Q))
        absolute: mean over parts, named: softplus(-t_P);  not named: (softplus(t_P) + mean_{x in P} softplus(a(x))) / 2
        L = sides + 0.1 absolute

    The parts are the halves by the thirds of the image; a named one holds what is spoken of somewhere, one that is not
    named nowhere. Sides are compared at one height of one image, since there little else differs: not the scanner, nor
    the abdomen, which lies below each lung and is "lower" as the finding is. The absolute term is what images have that
    name both sides, or in which nothing is to be found; in it each part weighs the same named and not named. OURS.

    Args:
        logits: float[B, 1, h, w], a, of cells to show what is spoken of; h of at least 3 and w of at least 2.
        named: bool[B, 3, 2], by height from above and by side from the left.
        known: bool[B]; of the others the caption says no place, and they say nothing.
        share: of a part's cells that have to show it, above 0 and up to 1.

    Returns:
        a scalar; zero, with a gradient, where no image says anything.
    """
    parts = _parts(logits.float())
    flat = [part.flatten(1) for part in parts]
    highest = torch.stack([x.topk(max(1, round(share * x.shape[1])), dim=1).values.mean(1) for x in flat], 1)
    spread = torch.stack([F.softplus(x).mean(1) for x in flat], 1)
    said = named.flatten(1)

    lead = highest.unflatten(1, (3, 2)) @ highest.new_tensor([1.0, -1.0])
    sign = (named[..., 0].int() - named[..., 1].int()) * known[:, None]
    sides = (F.softplus(1 - sign * lead) * sign.abs()).sum() / sign.abs().sum().clamp(min=1)

    each = torch.where(said, F.softplus(-highest), (F.softplus(highest) + spread) / 2)
    weight = _balance(said, known)
    return sides + _ABSOLUTE * (each * weight).sum() / weight.sum().clamp(min=1e-6)


def _parts(a: Tensor) -> list[Tensor]:
    h, w = a.shape[-2:]
    rows = [slice(i * h // 3, (i + 1) * h // 3) for i in range(3)]
    columns = [slice(i * w // 2, (i + 1) * w // 2) for i in range(2)]
    return [a[..., row, column] for row in rows for column in columns]


def _balance(said: Tensor, known: Tensor) -> Tensor:
    """Weights float[B, 6]: of each part, those that name it and those that do not weigh the same."""
    weight = torch.zeros_like(said, dtype=torch.float32)
    for group in (said & known[:, None], ~said & known[:, None]):
        weight = weight + group / group.sum(0, keepdim=True).clamp(min=1)
    return weight
