"""What the words alone are worth: the mean training mask of the cases whose words are nearest, whatever the image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifests
from lexseg.cases.splits import apply_splits
from lexseg.errors import DataError
from lexseg.evaluation.cases import select_cases
from lexseg.evaluation.probes import sentence_of
from lexseg.language.sides import Laterality
from lexseg.scans.masks import read_mask
from lexseg.training.config import TrainConfig, as_list
from lexseg.training.prepare import only_listed
from lexseg.training.weak.masks import at_size

LEAST = 20
"""Cases that a mean is taken of, at least (OURS): the mask of one other patient is no expectation."""
SIDE = 64
_LEVELS = np.linspace(0.05, 0.95, 19, dtype=np.float32)


class WordFloor:
    """Answers every sentence without looking at the image; evaluation asks it like a model.

    A sentence is answered with the mean mask of the training cases whose words are nearest: those of the distinct
    sentence with the largest share of common words (Jaccard), then of the next, until there are `LEAST` cases. No
    sentence, and one that shares no word with any, is answered with the mean of all. What a trained model adds to this
    is what it sees.

    Args:
        sentences: of the training cases; ``None`` or blank where there is none.
        masks: theirs, float32[N, S, S] in 0..1.
        laterality: whose left "left" is in the sentences.

    Attributes:
        threshold: of the probabilities, the one of 19 with the best Dice per image on the training cases.
    """

    uses_text = True
    name = "mean mask of the nearest words"
    sha256 = None

    def __init__(
        self, sentences: Sequence[str | None], masks: NDArray[np.float32], laterality: Laterality | None = "image"
    ) -> None:
        self.laterality, self._masks = laterality, masks
        self._members: dict[frozenset[str], list[int]] = {}
        for index, sentence in enumerate(sentences):
            if told := _words(sentence):
                self._members.setdefault(told, []).append(index)
        self._known: dict[frozenset[str], NDArray[np.float32]] = {}
        self.threshold = self._best_threshold(sentences)

    def mean(self, sentence: str | None) -> NDArray[np.float32]:
        """The expected mask of a sentence, float32[S, S]."""
        told = _words(sentence)
        if told not in self._known:
            chosen: list[int] = []
            for other in sorted(self._members, key=lambda other: -len(told & other) / len(told | other)):
                if len(chosen) >= LEAST or not told & other:
                    break
                chosen += self._members[other]
            self._known[told] = self._masks[chosen or slice(None)].mean(0)
        return self._known[told]

    def segment_batch(
        self, images: Sequence[NDArray[Any]], texts: Sequence[Sequence[str | None]], tta: bool = False
    ) -> list[list[NDArray[np.float32]]]:
        """Probabilities float32[H, W] for each image and each of its sentences; ``tta`` changes nothing."""
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        return [[at_size(self.mean(text), size) for text in asked] for size, asked in zip(sizes, texts, strict=True)]

    def _best_threshold(self, sentences: Sequence[str | None]) -> float:
        scores = np.zeros(len(_LEVELS))
        truth = self._masks >= 0.5
        for sentence, mask in zip(sentences, truth, strict=True):
            found = self.mean(sentence)[None] >= _LEVELS[:, None, None]
            total = found.sum((1, 2)) + mask.sum()
            scores += np.where(total > 0, 2 * (found & mask).sum((1, 2)) / np.maximum(total, 1), 1.0)
        return float(_LEVELS[int(scores.argmax())])


def word_floor(config: TrainConfig) -> WordFloor:
    """The floor of a cell, of the cases that its recipes train on.

    Raises:
        DataError: none of them has a mask.
    """
    data = config.data
    cases = read_manifests([Path(path) for path in as_list(data.cases)], text_columns=as_list(data.text_column))
    if data.split_file:
        cases = apply_splits(cases, data.split_file)
    if data.ids:
        cases = only_listed(cases, Path(data.ids))
    drawn = [(case, mask) for case in select_cases(cases, "train") if (mask := _small(case)) is not None]
    if not drawn:
        raise DataError(f"{', '.join(as_list(data.cases))}: no training case has a mask, so there is no mean of any")
    return WordFloor([sentence_of(case, "image") for case, _ in drawn], np.stack([mask for _, mask in drawn]))


def _small(case: Case) -> NDArray[np.float32] | None:
    """The mask in ``SIDE`` x ``SIDE`` cells, float32 shares; ``None`` of a case that has none."""
    if case.mask is None:
        return None
    mask = read_mask(case.mask, case.label).astype(np.float32)
    rows, columns = (np.linspace(0, n, SIDE + 1).astype(int)[:-1] for n in mask.shape)
    sums = np.add.reduceat(np.add.reduceat(mask, rows, 0), columns, 1)
    return np.asarray(sums / np.add.reduceat(np.add.reduceat(np.ones_like(mask), rows, 0), columns, 1), np.float32)


def _words(sentence: str | None) -> frozenset[str]:
    letters = "".join(c if c.isalnum() else " " for c in (sentence or "").lower())
    return frozenset(letters.split())
