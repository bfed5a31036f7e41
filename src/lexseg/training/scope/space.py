"""The spaces in which images are judged, and how far an image may lie from those of a world."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lexseg.models.scope import ImageScorer

MARGIN = 1.25
"""How much farther than its own validation images (the 95th of a hundred) a world reaches: images of another hospital
lie up to 1.22 times as far, those of other modalities mostly beyond."""
FINEST, FINEST_MARGIN = 2, 1.5
"""Maps that the second space is made of, and its margin. What deeper ones have forgotten of an image these have not,
but in them images of one world differ: within the first margin one film in 180 and two of 95 sonograms are refused."""
FEWEST = 50
"""Validation images of a world from which on the second space judges it: the finest maps differ most by what a camera
or an archive does, which fewer do not tell (a fifth of 21 dermoscopies, turned by a quarter, were refused)."""
NEAREST = 0.02
"""The share of foreign images that may lie within a radius, where a smaller one holds the world's own images too."""
COMPONENTS, NEIGHBOURS, BANK = 48, 3, 160

_SHRINK = 0.1


def fit_space(
    fitted: Sequence[Tensor], calibrated: Sequence[Tensor], foreign: Tensor, channels: Sequence[int] = ()
) -> ImageScorer:
    """Whiten what images of one world differ in, and calibrate how far they may lie, in one space or two.

    Args:
        fitted: by world, pooled features float[N, F] of training images, those of other scanners among them.
        calibrated: by world, of validation images; where there are none, the training images stand in.
        foreign: float[M, F], of images of no world.
        channels: of the maps that were pooled, from the finest on: in one space each map then counts alike, in another
            the finest alone (`FINEST`). Else the deepest counts most, which has most channels and, in a network trained
            for long, forgotten all that its worlds do not need: photographs lie among them. Empty: one space, in
            which each feature counts alike. Worlds of fewer than `FEWEST` images in ``calibrated`` have no bounds in
            the second.
    """
    own_images = [own if len(own) else fitted[i] for i, own in enumerate(calibrated)]
    few = torch.tensor([len(own) < FEWEST for own in calibrated])
    spaces = [(channels, MARGIN)]
    if len(channels) > FINEST:
        spaces.append((channels[:FINEST], FINEST_MARGIN))
    parts = [_space(fitted, own_images, foreign, *each) for each in spaces]
    for part in parts[1:]:
        part.radius[few] = torch.inf
    return ImageScorer(
        {
            "shift": parts[0].shift,
            "project": torch.cat([part.project for part in parts], 1),
            "bank": torch.cat([part.bank for part in parts], 1).half(),
            "space": torch.cat([torch.full((part.project.shape[1],), i) for i, part in enumerate(parts)]),
            "world": parts[0].world,
            "radius": torch.stack([part.radius for part in parts]),
            "neighbours": torch.tensor(NEIGHBOURS),
        }
    )


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


class _Space(NamedTuple):
    """What :class:`lexseg.models.scope.ImageScorer` needs of one space."""

    shift: Tensor
    project: Tensor
    bank: Tensor
    world: Tensor
    radius: Tensor


def _space(
    fitted: Sequence[Tensor], calibrated: Sequence[Tensor], foreign: Tensor, channels: Sequence[int], margin: float
) -> _Space:
    """One in which the first maps, of so many channels, count; or where there are none named, every feature alike."""
    shift, project = _whitened(fitted, channels)
    banks = [_some((own - shift) @ project) for own in fitted]
    world = torch.cat([torch.full((len(bank),), i) for i, bank in enumerate(banks)])
    bank, radius = torch.cat(banks), torch.ones(len(banks))
    state = {"shift": shift, "project": project, "bank": bank.half(), "world": world, "radius": radius}
    scorer = ImageScorer(state | {"neighbours": torch.tensor(NEIGHBOURS)})
    apart = [torch.from_numpy(scorer.judge(own)) for own in calibrated]
    strange = torch.from_numpy(scorer.judge(foreign))
    for i, own in enumerate(apart):
        usual = torch.quantile(own[:, i], 0.95)
        farthest = torch.quantile(own[:, i], 0.995, interpolation="higher")
        others = torch.cat([strange[:, i], *(each[:, i] for j, each in enumerate(apart) if j != i)])
        nearest = torch.quantile(others, NEAREST)
        radius[i] = torch.maximum(torch.minimum(margin * usual, nearest), farthest)
    return _Space(shift, project, bank, world, radius)


def _whitened(fitted: Sequence[Tensor], channels: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The mean float[F], and a projection [F, K] in which images of one world vary alike in all directions."""
    everything = torch.cat(list(fitted)).double()
    shift, scale = everything.mean(0), everything.std(0).clamp(min=1e-6)
    used = 2 * sum(channels) or everything.shape[1]
    if channels:
        scale[:used] *= torch.cat([torch.full((2 * count,), float(count)) for count in channels]).sqrt()
    _, _, axes = torch.linalg.svd(((everything - shift) / scale)[:, :used], full_matrices=False)
    project = torch.zeros(everything.shape[1], min(COMPONENTS, len(axes)), dtype=torch.float64)
    project[:used] = axes[:COMPONENTS].T / scale[:used, None]
    within = torch.cat([(own.double() - own.double().mean(0)) @ project for own in fitted])
    spread = within.T @ within / len(within)
    # shrunk towards what all directions have on average, so that none is blown up out of noise
    spread = (1 - _SHRINK) * spread + _SHRINK * torch.eye(len(spread)).double() * spread.diagonal().mean()
    values, vectors = torch.linalg.eigh(spread)
    return shift.float(), (project @ vectors * values.rsqrt()).float()


def _some(points: Tensor) -> Tensor:
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))
    return points[order[:BANK]]
