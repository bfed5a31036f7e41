"""One step of training as a CUDA graph: what Python would start one by one, hundreds of kernels, is started at once.

A graph repeats what it saw, so nothing in a step may depend on what the numbers are: batches of equal shape, and the
alignment loss over all rows, of which those that do not count have no weight, where
:class:`lexseg.losses.alignment.MultiLevelAlignment` picks out rows. Both give the same loss (a test says so).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.alignment import MultiLevelAlignment, Projected
from lexseg.losses.context import context_rings
from lexseg.losses.contrastive import equal_regions, info_nce
from lexseg.losses.pooling import pyramid, size_of
from lexseg.losses.region_words import EPS, own_similarity, prototype, similarity
from lexseg.losses.rows import shown_rows
from lexseg.losses.swapped import Swapped
from lexseg.losses.target import Target

Batch = tuple[Tensor, TextBatch, Target]


def weighted_alignment(
    self: MultiLevelAlignment,
    projected: Sequence[Projected],
    text: TextBatch,
    words_mask: Tensor,
    target: Target,
    sentence: Tensor,
    *,
    swapped: Sequence[Swapped] = (),
) -> dict[str, Tensor]:
    """`MultiLevelAlignment.forward` with ``masked+context`` and ``caption``, without a choice of rows."""
    with torch.autocast(target.mask.device.type, enabled=False):
        keep = ~text.is_null & shown_rows(target)
        counts = keep.float() if target.weight is None else keep * target.weight.float()
        keep = counts > 0
        sizes = [size_of(p.pixels) for p in projected]
        shares = pyramid(target.mask.float(), sizes)
        regions = [prototype(p.pixels, shares[size]) for p, size in zip(projected, sizes, strict=True)]
        reached = (r.sum() + p.words.float().sum() for r, p in zip(regions, projected, strict=True))
        zero = sum(reached, start=self.log_temperature) * 0
        rings = context_rings(target.mask, sizes, valid=target.valid)
        pair = keep[:, None] & keep
        equal = ((text.caption_id[:, None] == text.caption_id) & pair).float()
        y, ignore = equal / equal.sum(1, keepdim=True).clamp(min=1), ~pair
        if (same := equal_regions(target)) is not None:
            ignore = ignore | same
        ignore = ignore & ~torch.eye(len(keep), dtype=torch.bool, device=keep.device)
        temperature = self.temperature()
        losses = dict.fromkeys(("contrastive", "margin", "swapped"), zero)
        for i, (part, level, region) in enumerate(zip(self.level_weights, projected, regions, strict=True)):
            said = level.words.float(), level.sentence.float(), words_mask
            near = similarity(region, *said)
            losses["contrastive"] = losses["contrastive"] + part * info_nce(near, y, temperature, counts, ignore=ignore)
            ring = rings[size_of(level.pixels)]
            gap = (self.margin - near.diagonal() + own_similarity(prototype(level.pixels, ring), *said)).clamp(min=0)
            count = counts * (ring.sum((1, 2, 3)) > EPS)
            losses["margin"] = losses["margin"] + mean(gap, count) / len(projected)
            for other in swapped:
                false = other.levels[i]
                against = own_similarity(region, false.words.float(), false.sentence.float(), false.mask)
                gain = F.softplus((against - near.diagonal()) / temperature)
                losses["swapped"] = losses["swapped"] + part * mean(gain, counts * ~other.is_null)
        return losses


def mean(each: Tensor, count: Tensor) -> Tensor:
    return (each * count).sum() / count.sum().clamp(min=EPS)


def tensors(batch: Batch) -> list[Tensor]:
    """All that a batch holds, in an order of its own."""

    def of(text: TextBatch) -> list[Tensor]:
        own = [text.attention_mask, text.caption_id, text.is_null, text.states]
        return own + [t for other in text.swapped for t in of(other)]

    image, text, target = batch
    return [image, *of(text), *(t for f in fields(target) if (t := getattr(target, f.name)) is not None)]


class Graph:
    """A step, recorded. Batches are copied to where the recorded one lies.

    Args:
        step: what is recorded: a batch -> the loss; it is run three times before, each a step in earnest.
        batch: the first.
    """

    def __init__(self, step: Callable[[Batch], Tensor], batch: Batch, reset: Callable[[], Any]) -> None:
        self.held = batch
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                step(batch)
        torch.cuda.current_stream().wait_stream(beside)
        reset()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = step(batch)

    def __call__(self, batch: Batch) -> Tensor:
        for held, new in zip(tensors(self.held), tensors(batch), strict=True):
            held.copy_(new)
            new.record_stream(torch.cuda.current_stream())
        self.graph.replay()
        return self.loss


def alignment_of(model: nn.Module) -> None:
    """Let a model take the alignment loss in the form that can be recorded."""
    for part in model.modules():
        if isinstance(part, MultiLevelAlignment):
            part.forward = weighted_alignment.__get__(part)
