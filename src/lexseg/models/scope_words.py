"""How likely a sentence belongs to each world that a model has learnt, by a frozen text encoder's states."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F


class WordsScorer:
    """A small network over what a sentence's tokens have in common, and what only one of them says.

    One foreign noun in a familiar sentence makes it foreign: so beside the mean of the token states it sees their
    maxima and minima.

    Args:
        state: ``shift`` and ``scale`` float[3D] of the features (:func:`sentence_features`), ``hidden.weight``
            float16[H, 3D], ``hidden.bias`` float[H], ``out.weight`` float[W, H] and ``out.bias`` float[W] for W worlds;
            the bias is such that a score of one half is the threshold. ``bank`` float16[N, D]: mean states of
            sentences, of unit length.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = dict(state)
        self._working = {name: tensor.float() for name, tensor in state.items()}

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
        features = sentence_features(states, mask)
        means = F.normalize(features[:, : states.shape[-1]], dim=-1)
        return self.logits(features).sigmoid(), 1 - (means @ self._working["bank"].T).max(dim=1).values

    def logits(self, features: Tensor) -> Tensor:
        """float[B, W] of features float[B, 3D]: 0 or more where a sentence belongs to a world."""
        w = self._working
        hidden = F.gelu(F.linear((features - w["shift"]) / w["scale"], w["hidden.weight"], w["hidden.bias"]))
        return F.linear(hidden, w["out.weight"], w["out.bias"])


def sentence_features(states: Tensor, mask: Tensor) -> Tensor:
    """The mean of a sentence's token states, of length sqrt(D), and the maxima and minima of its words'.

    Args:
        states: float[B, L, D].
        mask: bool[B, L], true where a token is. The first and the last are special ones, and left out of the extremes.

    Returns:
        float[B, 3D] on the CPU; zeros for a row without tokens.
    """
    states, mask = states.float().cpu(), mask.cpu()
    some = mask[..., None].float()
    means = F.normalize((states * some).sum(1), dim=-1) * states.shape[-1] ** 0.5
    length = mask.sum(1)
    place = mask.cumsum(1)
    words = mask & (place > 1) & (place < length[:, None])
    words = torch.where(words.any(1, keepdim=True), words, mask)[..., None]
    highest = states.masked_fill(~words, -torch.inf).amax(1).nan_to_num(neginf=0.0)
    lowest = states.masked_fill(~words, torch.inf).amin(1).nan_to_num(posinf=0.0)
    return torch.cat([means, highest, lowest], dim=1)
