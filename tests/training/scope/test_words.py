"""The judge of words, fitted to sentences of made-up tokens."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.scope import WordsScorer
from lexseg.training.scope.sentences import LabelledSentence
from lexseg.training.scope.words import BANK, EncodedSentences, fit_words, words_logits

D = 24
CHEST, COLON, FRAME, FOREIGN = 0, 1, 2, 3  # kinds of tokens, each of a direction of its own


def sentence(generator: torch.Generator, *kinds: int) -> torch.Tensor:
    """Frame tokens with one of each kind among them, between two special ones."""
    tokens = [FRAME] * int(torch.randint(2, 7, (1,), generator=generator)) + list(kinds)
    states = 3 * torch.eye(4, D)[tokens] + 0.3 * torch.randn(len(tokens), D, generator=generator)
    words = states[torch.randperm(len(tokens), generator=generator)]
    return torch.cat([torch.zeros(1, D), words, torch.zeros(1, D)])


def encode(texts: Sequence[str]) -> TextBatch:
    """Sentences whose text is the kinds of their tokens and a seed: "0 3 / 17"."""
    made = []
    for text in texts:
        kinds, _, seed = text.partition("/")
        made.append(sentence(torch.Generator().manual_seed(int(seed)), *map(int, kinds.split())))
    length = torch.tensor([len(each) for each in made])
    states = torch.nn.utils.rnn.pad_sequence(made, batch_first=True)
    mask = torch.arange(states.shape[1])[None] < length[:, None]
    n = len(made)
    return TextBatch(mask, torch.arange(n), torch.zeros(n, dtype=torch.bool), states=states)


def encoded(seed: int, n: int = 150) -> EncodedSentences:
    rows = [
        LabelledSentence(f"{tokens} / {1000 * seed + i}", kind, world, belongs)  # type: ignore[arg-type]
        for i in range(n)
        for kind, world, tokens, belongs in (
            ("known", 0, f"{CHEST}", (1, 0)),
            ("known", 1, f"{COLON}", (0, 1)),
            ("everyday", 0, f"{FOREIGN}", (0, 0)),
            ("never-learnt", 1, f"{COLON} {FOREIGN}", (0, 0)),
        )
    ]
    return EncodedSentences.of(rows, encode)


@pytest.fixture(scope="module")
def scorer() -> WordsScorer:
    return fit_words(encoded(0), encoded(1))[0]


def test_it_tells_worlds_and_foreign_words_apart(scorer: WordsScorer):
    unseen = encoded(2)
    passes = torch.from_numpy(words_logits(scorer, unseen)) >= 0
    right = passes == (unseen.belongs == 1)
    assert right.float().mean(0).min() > 0.97


def test_its_scores_are_those_of_its_network(scorer: WordsScorer):
    some = encoded(3, 2)
    batch = encode([row.text for row in some.rows])
    assert batch.states is not None
    scores, distances = scorer(batch.states, batch.attention_mask)
    assert torch.allclose(torch.from_numpy(scores), torch.from_numpy(words_logits(scorer, some)).sigmoid(), atol=1e-4)
    assert (distances >= -1e-3).all() and distances[2] > distances[0]


def test_the_threshold_refuses_the_share_that_it_is_given():
    calibrated = encoded(1)
    for refused in (0.1, 0.3):
        _, logits = fit_words(encoded(0, 40), calibrated, refused=refused)
        own = [logits[i, row.world] < 0 for i, row in enumerate(calibrated.rows) if row.kind == "known"]
        assert sum(own) / len(own) == pytest.approx(refused, abs=0.02)


def test_it_stays_small(scorer: WordsScorer):
    assert scorer.state()["bank"].shape == (2 * BANK, D)
    assert all(np.isfinite(array).all() for array in scorer.state().values())
