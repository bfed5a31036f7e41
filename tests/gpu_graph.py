"""One step of training as a CUDA graph: what Python would start one by one, hundreds of kernels, is started at once.

A graph repeats what it saw, so nothing in a step may depend on what the numbers are: batches of equal shape, and losses
over all rows, of which those that do not count have no weight (:class:`lexseg.losses.alignment.MultiLevelAlignment`).
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.target import Target

Batch = tuple[Tensor, TextBatch, Target]


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
