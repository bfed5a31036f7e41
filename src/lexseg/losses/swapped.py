"""To tell a sentence from itself with its places swapped (OURS; docs/explanation/tmca.md).

The other captions of a batch differ in many words, and the amount of what is ill tells most of them apart; the swapped
sentence differs in nothing but the place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.region_words import own_similarity


@dataclass(frozen=True, slots=True)
class Said:
    """A batch's sentences in one level's space.

    Attributes:
        words: float[B, L, d], of unit norm.
        sentence: float[B, d], of unit norm.
        mask: bool[B, L], which of the words are there.
    """

    words: Tensor
    sentence: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Swapped:
    """The batch's sentences with their places swapped one way.

    Attributes:
        levels: in each level's space.
        is_null: bool[B], where swapping changes nothing that is said.
    """

    levels: Sequence[Said]
    is_null: Tensor


def swapped_loss(
    target: Tensor, true: Said, false: Said, use: Tensor, *, temperature: Tensor | float, weight: Tensor | None = None
) -> Tensor:
    """How little the targets tell their sentences from the same with places swapped (OURS).

        mean_i log(1 + exp((sim(v_i, s_i') - sim(v_i, s_i)) / tau))

    with sim as :func:`lexseg.losses.region_words.similarity` has it.

    Args:
        target: v, float[B, d], of unit norm.
        true: s.
        false: s', with its places swapped.
        use: bool[B], the rows that count; zero without a gradient where there is none.
        temperature: tau.
        weight: float[B], how much each row counts; ``None`` is one for all.
    """
    if not bool(use.any()):
        return target.new_zeros((), dtype=torch.float32)
    likeness = [
        own_similarity(target[use].float(), said.words[use].float(), said.sentence[use].float(), said.mask[use])
        for said in (true, false)
    ]
    each = F.softplus((likeness[1] - likeness[0]) / temperature)
    counts = torch.ones_like(each) if weight is None else weight[use].float()
    return (each * counts).sum() / counts.sum()
