"""To tell a sentence from itself with its places swapped (OURS; docs/explanation/tmca.md).

The other captions of a batch differ in many words, and the amount of what is ill tells most of them apart; the swapped
sentence differs in nothing but the place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.region_words import EPS, own_similarity


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


def swapped_losses(
    targets: Sequence[Tensor],
    true: Sequence[Said],
    others: Sequence[Swapped],
    counts: Tensor,
    *,
    weights: Sequence[float],
    temperature: Tensor | float,
) -> Tensor:
    """The sum of :func:`swapped_loss` over the ways of swapping and over the levels, each by its weight.

    Args:
        targets: by level, float[B, d] of unit norm.
        true: the sentences, by level.
        others: the sentences with their places swapped, one for each way.
        counts: float[B], how much each row counts; one that swapping changes nothing of does not.
        weights: by level.
        temperature: tau.
    """
    total = counts.new_zeros(())
    for other in others:
        changed = counts * ~other.is_null
        for weight, target, said, false in zip(weights, targets, true, other.levels, strict=True):
            total = total + weight * swapped_loss(target, said, false, changed, temperature=temperature)
    return total


def swapped_loss(target: Tensor, true: Said, false: Said, counts: Tensor, *, temperature: Tensor | float) -> Tensor:
    """How little the targets tell their sentences from the same with places swapped (OURS).

        mean_i log(1 + exp((sim(v_i, s_i') - sim(v_i, s_i)) / tau))

    with sim as :func:`lexseg.losses.region_words.similarity` has it.

    Args:
        target: v, float[B, d], of unit norm.
        true: s.
        false: s', with its places swapped.
        counts: float[B], how much each row counts, 0 or more; the loss is zero where none does.
        temperature: tau.
    """
    # what does not count may have no word: its numbers are to be finite
    unused = (counts <= 0)[:, None]
    own, other = (
        own_similarity(target.float(), said.words.float(), said.sentence.float(), said.mask | unused)
        for said in (true, false)
    )
    each = F.softplus((other - own) / temperature)
    return (each * counts).sum() / counts.sum().clamp(min=EPS)
