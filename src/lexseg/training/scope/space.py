"""The space in which images are judged, and how far an image may lie from those of a world."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lexseg.models.scope import ImageScorer

MARGIN = 1.25
"""How much farther than its own validation images (the 95th of a hundred) a world reaches: images of another hospital
lie up to 1.22 times as far, those of other modalities mostly beyond."""
NEAREST = 0.02
"""The share of foreign images that may lie within a radius, where a smaller one holds the world's own images too."""
COMPONENTS, NEIGHBOURS, BANK = 48, 3, 160

_SHRINK = 0.1


def fit_space(
    fitted: Sequence[Tensor], calibrated: Sequence[Tensor], foreign: Tensor, channels: Sequence[int] = ()
) -> ImageScorer:
    """Whiten what images of one world differ in, and calibrate how far they may lie.

    Args:
        fitted: by world, pooled features float[N, F] of training images, those of other scanners among them.
        calibrated: by world, of validation images; where there are none, the training images stand in.
        foreign: float[M, F], of images of no world.
        channels: of the maps that were pooled, each of which then counts alike. Else the deepest counts most, which has
            most channels and, in a network trained for long, forgotten all that its worlds do not need: photographs
            lie among them. Empty: each feature counts alike.
    """
    shift, project = _whitened(fitted, channels)
    banks = [_some((own - shift) @ project) for own in fitted]
    state = {
        "shift": shift,
        "project": project,
        "bank": torch.cat(banks).half(),
        "world": torch.cat([torch.full((len(bank),), i) for i, bank in enumerate(banks)]),
        "radius": torch.ones(len(banks)),
        "neighbours": torch.tensor(NEIGHBOURS),
    }
    scorer = ImageScorer(state)
    own_images = [own if len(own) else fitted[i] for i, own in enumerate(calibrated)]
    apart = [torch.from_numpy(scorer.judge(own)) for own in own_images]
    strange = torch.from_numpy(scorer.judge(foreign))
    for i, own in enumerate(apart):
        usual = torch.quantile(own[:, i], 0.95)
        farthest = torch.quantile(own[:, i], 0.995, interpolation="higher")
        others = torch.cat([strange[:, i], *(each[:, i] for j, each in enumerate(apart) if j != i)])
        nearest = torch.quantile(others, NEAREST)
        state["radius"][i] = torch.maximum(torch.minimum(MARGIN * usual, nearest), farthest)
    return ImageScorer(state)


def left_out(
    fitted: Sequence[Tensor], calibrated: Sequence[Tensor], foreign: Tensor, channels: Sequence[int] = ()
) -> list[float]:
    """The share of each world's images that would be taken for one of the others, had the model never met its world."""
    shares = []
    for i, own in enumerate(calibrated):
        rest = [j for j in range(len(fitted)) if j != i]
        if not rest or not len(own):
            shares.append(float("nan"))
            continue
        scorer = fit_space([fitted[j] for j in rest], [calibrated[j] for j in rest], foreign, channels)
        shares.append(float((scorer.judge(own).min(1) <= 1).mean()))
    return shares


def _whitened(fitted: Sequence[Tensor], channels: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The mean, and a projection in which images of one world vary alike in all directions."""
    everything = torch.cat(list(fitted)).double()
    shift, scale = everything.mean(0), everything.std(0).clamp(min=1e-6)
    if channels:
        scale = scale * torch.cat([torch.full((2 * count,), float(count)) for count in channels]).sqrt()
    _, _, axes = torch.linalg.svd((everything - shift) / scale, full_matrices=False)
    project = axes[:COMPONENTS].T / scale[:, None]
    within = torch.cat([(own.double() - own.double().mean(0)) @ project for own in fitted])
    spread = within.T @ within / len(within)
    # shrunk towards what all directions have on average, so that none is blown up out of noise
    spread = (1 - _SHRINK) * spread + _SHRINK * torch.eye(len(spread)).double() * spread.diagonal().mean()
    values, vectors = torch.linalg.eigh(spread)
    return shift.float(), (project @ vectors * values.rsqrt()).float()


def _some(points: Tensor) -> Tensor:
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))
    return points[order[:BANK]]
