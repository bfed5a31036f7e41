"""Fitting the judge of words: a small network over the frozen text encoder's states, and a threshold for each world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.scope import WordsScorer, sentence_features
from lexseg.training.scope.sentences import LabelledSentence

REFUSED = 0.05
"""The share that a world's threshold refuses of true questions by names that the network was not fitted on, where there
are no questions as people type them. Such names are harder than a new wording of a known one."""
REFUSED_NATURAL = 0.03
"""The share of true questions as people type them, a third of them misspelt, that a world's threshold refuses.

A network that has met foreign words leaves them alone by itself, so that its judge may let more of them through than
refuse true questions: 0.01 for such a one.
"""
BANK = 16
"""Sentences of each world that distances are told from."""

_TRIED, _KEPT = 2, 3  # networks: to find the thresholds, and in the end
_HIDDEN, _STEPS, _BATCH, _RATE, _DECAY, _DROP = 80, 600, 256, 2e-3, 0.05, 0.4

Encode = Callable[[Sequence[str]], TextBatch]


@dataclass(frozen=True)
class EncodedSentences:
    """Sentences and their features. Attributes: rows; features: float[N, 3D]."""

    rows: Sequence[LabelledSentence]
    features: Tensor

    @classmethod
    def of(cls, rows: Sequence[LabelledSentence], encode: Encode) -> "EncodedSentences":
        """Encode sentences, some at a time, those of a length together."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].text))
        parts = []
        for start in range(0, len(rows), 256):
            batch = encode([rows[i].text for i in order[start : start + 256]])
            assert batch.states is not None
            parts.append(torch.from_numpy(sentence_features(batch.states, batch.attention_mask)))
        return cls(rows, torch.cat(parts)[torch.tensor(order).argsort()])

    @property
    def belongs(self) -> Tensor:
        """int[N, W]: 1, 0 or -1."""
        return torch.tensor([row.belongs for row in self.rows])

    def __add__(self, other: "EncodedSentences") -> "EncodedSentences":
        return EncodedSentences([*self.rows, *other.rows], torch.cat([self.features, other.features]))

    def known_of(self, world: int) -> list[int]:
        """The places of a world's true questions."""
        return [i for i, row in enumerate(self.rows) if row.kind == "known" and row.world == world]


def fit_words(
    fitted: EncodedSentences,
    calibrated: EncodedSentences,
    natural: EncodedSentences | None = None,
    *,
    refused: float = REFUSED,
    refused_natural: float = REFUSED_NATURAL,
    seed: int = 0,
) -> tuple[WordsScorer, NDArray[np.float32]]:
    """Fit networks on some sentences, find the thresholds on others, of other names, and fit anew on all.

    Args:
        fitted: what the thresholds are not found on.
        calibrated: what they are, where a world has nothing better.
        natural: true questions as people type them, to find the thresholds on. Never fitted to.
        refused: see `REFUSED`.
        refused_natural: see `REFUSED_NATURAL`.
        seed: of weights and batches.

    Returns:
        the judge; and float[N, W], how the first networks judged ``calibrated``: 0 or more where a sentence belongs.
    """
    tried = WordsScorer(_networks(fitted, _TRIED, seed))
    logits = words_logits(tried, calibrated)
    state = _networks(fitted + calibrated, _KEPT, seed + _TRIED)
    for world in range(logits.shape[1]):
        held_out = logits[calibrated.known_of(world), world]
        threshold = float(np.quantile(held_out, refused)) if len(held_out) else 0.0
        for scorer in (tried, WordsScorer(state)):
            if natural is not None and (own := natural.known_of(world)):
                threshold = float(np.quantile(words_logits(scorer, natural)[own, world], refused_natural))
            if scorer is tried:
                logits[:, world] -= threshold
        state["out.bias"][world] -= threshold
    return WordsScorer(state), logits


def words_logits(scorer: WordsScorer, encoded: EncodedSentences) -> NDArray[np.float32]:
    """float[N, W] for all sentences."""
    return scorer.logits(encoded.features)


def _networks(encoded: EncodedSentences, n: int, seed: int) -> dict[str, Tensor]:
    """Several networks as one wide one, which gives the mean of their answers."""
    shift, scale = encoded.features.mean(0), encoded.features.std(0).clamp(min=1e-2)
    inputs = (encoded.features - shift) / scale
    networks = [_fit_network(inputs, encoded, seed + i) for i in range(n)]
    return {
        "shift": shift,
        "scale": scale,
        "hidden.weight": torch.cat([each["hidden.weight"] for each in networks]).half(),
        "hidden.bias": torch.cat([each["hidden.bias"] for each in networks]),
        "out.weight": torch.cat([each["out.weight"] for each in networks], dim=1) / n,
        "out.bias": torch.stack([each["out.bias"] for each in networks]).mean(0),
        "bank": torch.cat([_bank(encoded, world) for world in range(encoded.belongs.shape[1])]).half(),
    }


def _fit_network(inputs: Tensor, encoded: EncodedSentences, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    belongs = encoded.belongs
    state = _started(inputs.shape[1], belongs.shape[1], generator)
    optimizer = torch.optim.AdamW(state.values(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_STEPS)
    known = torch.tensor([row.kind == "known" for row in encoded.rows])
    groups = [group for group in (known.nonzero().flatten(), (~known).nonzero().flatten()) if len(group)]
    for _ in range(_STEPS):
        drawn = [g[torch.randint(len(g), (_BATCH // len(groups),), generator=generator)] for g in groups]
        index = torch.cat(drawn)
        seen = _dropped(inputs[index], generator)
        hidden = F.gelu(F.linear(seen, state["hidden.weight"], state["hidden.bias"]))
        logits = F.linear(_dropped(hidden, generator), state["out.weight"], state["out.bias"])
        truth = belongs[index]
        told = (truth >= 0).float()
        losses = F.binary_cross_entropy_with_logits(logits, truth.clamp(min=0).float(), reduction="none")
        optimizer.zero_grad()
        ((losses * told).sum() / told.sum().clamp(min=1)).backward()
        optimizer.step()
        schedule.step()
    return {name: value.detach() for name, value in state.items()}


def _dropped(values: Tensor, generator: torch.Generator) -> Tensor:
    return values * (torch.rand(values.shape, generator=generator) >= _DROP) / (1 - _DROP)


def _started(width: int, worlds: int, generator: torch.Generator) -> dict[str, Tensor]:
    def drawn(rows: int, columns: int) -> Tensor:
        weights: Tensor = torch.randn(rows, columns, generator=generator) / columns**0.5
        return weights.requires_grad_()

    return {
        "hidden.weight": drawn(_HIDDEN, width),
        "hidden.bias": torch.zeros(_HIDDEN, requires_grad=True),
        "out.weight": drawn(worlds, _HIDDEN),
        "out.bias": torch.zeros(worlds, requires_grad=True),
    }


def _bank(encoded: EncodedSentences, world: int) -> Tensor:
    """True questions far from one another: each is the one farthest from those that were taken before."""
    width = encoded.features.shape[1] // 3
    means = F.normalize(encoded.features[encoded.known_of(world), :width], dim=-1)
    if not len(means):
        return means
    taken = [int((means @ means.mean(0)).argmax())]
    closest = means @ means[taken[0]]
    while len(taken) < min(BANK, len(means)):
        taken.append(int(closest.argmin()))
        closest = torch.maximum(closest, means @ means[taken[-1]])
    return means[taken]
