"""How likely a sentence belongs to each world that a model has learnt, by a frozen text encoder's states."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F


class WordsScorer:
    """A small head over all of a sentence's tokens, and a bank of sentences that the model was trained on.

    The head sees what the tokens have in common (their mean) and what only one of them says (their maximum): one
    foreign noun in a familiar sentence makes it foreign.

    Args:
        state: ``token.weight`` float[H, D], ``token.bias`` float[H], ``mean.weight`` float[M, D], ``mean.bias``
            float[M], ``out.weight`` float[W, 2H + M], ``out.bias`` float[W], for W worlds; the bias is such that a
            score of one half is the threshold. ``bank`` float16[N, D]: sentences, of unit length.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = dict(state)
        self._bank = state["bank"].float()

    def state(self) -> dict[str, Tensor]:
        """What the scorer is made from."""
        return dict(self._state)

    def __call__(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Judge sentences.

        Args:
            states: float[B, L, D].
            mask: bool[B, L], true where a token is; a row without any is a null sentence, and its answer means nothing.

        Returns:
            scores float[B, W] in 0..1, on the CPU, and distances float[B] to the nearest of the bank: 1 - cosine.
        """
        states, mask = states.float().cpu(), mask.cpu()
        mean = sentence_means(states, mask)
        logits = words_logits(self._state, states, mask, mean)
        return logits.sigmoid(), 1 - (mean @ self._bank.T).max(dim=1).values


def sentence_means(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of a sentence's token states float[B, L, D], as float[B, D] of unit length."""
    some = mask[..., None].to(states.dtype)
    return F.normalize((states * some).sum(1) / some.sum(1).clamp(min=1), dim=-1)


def words_logits(state: Mapping[str, Tensor], states: Tensor, mask: Tensor, mean: Tensor) -> Tensor:
    """The head: float[B, W], above 0 where a sentence belongs to a world."""
    tokens = F.gelu(F.linear(states, state["token.weight"], state["token.bias"]))
    some = mask[..., None].to(tokens.dtype)
    average = (tokens * some).sum(1) / some.sum(1).clamp(min=1)
    highest = tokens.masked_fill(~mask[..., None], -torch.inf).amax(1).nan_to_num(neginf=0.0)
    # of unit length the mean's entries are tiny; brought to those of the states
    whole = F.gelu(F.linear(mean * mean.shape[-1] ** 0.5, state["mean.weight"], state["mean.bias"]))
    return F.linear(torch.cat([average, highest, whole], dim=1), state["out.weight"], state["out.bias"])
