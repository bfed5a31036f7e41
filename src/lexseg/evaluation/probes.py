"""The honesty probes: does the model listen to the sentence, or guess from the image alone?

Each case is asked again without its sentence (``none``), with the sentence of another case (``shuffled``), with left
and right swapped (``swapped``), and with a sentence about nothing that an image of a patient shows (``irrelevant``):
what VoxTell was probed with (arXiv 2605.01266), in two dimensions. With referring data it is also asked for another
target of its image (``other``), and for what its image does not hold (``absent``).

A model that listens gets worse with the wrong words.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.language.same_meaning import phrases, same_meaning
from lexseg.language.sides import Laterality, convert_laterality, mirror_words
from lexseg.language.strange_words import without_findings

PROBES = ("none", "shuffled", "swapped", "irrelevant")
"""The probes of every evaluation, in the order of the report."""

REFERRING_PROBES = ("other", "absent")
"""Those that only an image with several expressions allows."""

IRRELEVANT = (
    "a bicycle against a wall",
    "the train leaves at noon",
    "two cups of coffee",
    "a letter to my sister",
    "mountains in the morning",
    "the third chapter",
    "an open umbrella",
    "a song about the sea",
)
"""Sentences about nothing that an image of a patient shows."""

ANSWERED, LOST = 0.5, 0.1
"""A change of words is catastrophic where it takes a Dice of at least the first to one below the second (OURS: how the
share of 63 % that is published for VoxTell was counted is not known to us)."""

COUNTED = (
    f"Lost: of the cases answered with a Dice of {ANSWERED} or more, the share that other words bring below {LOST}."
)
"""The same in words, to stand under a table."""

PUBLISHED = (
    "Published for VoxTell (3D, arXiv 2605.01266; another task and other data, no row of ours): Dice 0.906 with the "
    "own prompt, 0.406 with another patient's; 63 % of the changes of place catastrophic; an irrelevant prompt is "
    "answered with nothing."
)
"""What the probes are known from, to be read beside ours."""

CONTROLS = ("class-free",)
"""That of models that were trained without masks, or on masks made so: other models are asked on request."""

ALL_PROBES = (*PROBES, *REFERRING_PROBES, *CONTROLS)
"""In the order of the report."""

Sentence = str | None


@dataclass(frozen=True, slots=True)
class Questions:
    """What each case is asked.

    Attributes:
        given: the case's own sentence, in the model's laterality; ``None`` where it has none.
        probes: for each probe that can be made the sentence of each case.
        missing: for each other probe why it cannot be made.
        shuffled_by: how the other cases' sentences were dealt out.
        wordings: of each case other wordings of its sentence, in the model's laterality; empty where there are none.
    """

    given: tuple[Sentence, ...]
    probes: dict[str, tuple[Sentence, ...]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    shuffled_by: str | None = None
    wordings: tuple[tuple[Sentence, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The probes that were made or could have been, in the order of the report."""
        known = {*self.probes, *self.missing}
        return tuple(name for name in ALL_PROBES if name in known)

    def of(self, case: int) -> dict[str, Sentence]:
        """What the case of that index is asked: ``given`` and the probes."""
        return {"given": self.given[case]} | {name: texts[case] for name, texts in self.probes.items()}

    def asked(self, case: int) -> dict[str, Sentence]:
        """The same, with the other wordings as ``wording_2``, ``wording_3``, ..."""
        more = self.wordings[case] if self.wordings else ()
        return self.of(case) | {f"wording_{number}": text for number, text in enumerate(more, start=2)}

    def changed(self, probe: str) -> NDArray[np.bool_]:
        """bool[N]: the cases whose sentence the probe alters."""
        pairs = zip(self.given, self.probes[probe], strict=True)
        return np.array([not same_meaning(given, asked) for given, asked in pairs], dtype=np.bool_)


def sentence_of(case: Case, laterality: Laterality | None) -> Sentence:
    """The case's sentence as a model of that laterality reads it; ``None`` if it is blank.

    Where either side does not say whose left is meant, the words stay as they are.
    """
    text = case.text.strip()
    if not text:
        return None
    return convert_laterality(text, case.laterality, laterality)


def ask(given: Sequence[Sentence], *, seed: int = 0) -> Questions:
    """Makes the probes. A case without a sentence stays without one in all of them.

    Args:
        given: the sentence of each case.
        seed: of the shuffling.
    """
    known = [i for i, text in enumerate(given) if text is not None]
    if not known:
        return Questions(tuple(given), missing=dict.fromkeys(PROBES, "no case has a sentence"))
    texts = [text for text in given if text is not None]
    probes: dict[str, tuple[Sentence, ...]] = {
        "none": (None,) * len(given),
        "swapped": _spread(given, known, [mirror_words(text, "horizontal") for text in texts]),
        "irrelevant": _spread(given, known, _irrelevant(len(texts), seed)),
    }
    if len({phrases(text) for text in texts}) < 2:
        return Questions(tuple(given), _in_order(probes), {"shuffled": "there is only one distinct sentence"})
    others, how = other_sentences(texts, seed=seed)
    probes["shuffled"] = _spread(given, known, others)
    return Questions(tuple(given), _in_order(probes), shuffled_by=how)


def controls(given: Sequence[Sentence]) -> dict[str, tuple[Sentence, ...]]:
    """The sentences without their findings: MedCLIP-SAMv2's test prompts name the class of the tumour; so none does."""
    return {"class-free": tuple(None if text is None else without_findings(text) for text in given)}


def other_sentences(texts: Sequence[str], *, seed: int = 0) -> tuple[list[str], str]:
    """Gives each case a sentence that says something else than its own.

    The cases' sentences are dealt out anew, so that each is heard as often as before. Where one sentence belongs to
    more than half of the cases, which rules that out, the distinct sentences change places instead.

    Args:
        texts: the sentences, of which at least two say different things.
        seed: of the dealing.

    Returns:
        the other sentences, and in words which of the two ways was taken.
    """
    keys = [phrases(text) for text in texts]
    names, kind = np.unique(keys, return_inverse=True)
    if names.size < 2:
        raise ValueError("there is only one distinct sentence")
    rng = np.random.default_rng(seed)
    if max(Counter(keys).values()) * 2 > len(keys):
        order = rng.permutation(names.size)
        successor = np.empty_like(order)
        successor[order] = np.roll(order, -1)
        example = {key: text for key, text in zip(reversed(keys), reversed(texts), strict=True)}
        return [example[str(names[successor[k]])] for k in kind], "distinct sentences permuted"
    deal = rng.permutation(len(keys))
    for i in np.flatnonzero(kind[deal] == kind):
        if kind[deal[i]] != kind[i]:
            continue  # an earlier exchange has mended it
        # At most half of the cases have this sentence and at most half were dealt it, and i is among both: there is
        # always a partner, and no case that was right becomes wrong.
        partner = rng.choice(np.flatnonzero((kind[deal] != kind[i]) & (kind != kind[i])))
        deal[i], deal[partner] = deal[partner], deal[i]
    return [texts[j] for j in deal], "sentences of the cases permuted"


def _irrelevant(number: int, seed: int) -> list[str]:
    return [IRRELEVANT[i] for i in np.random.default_rng(seed).integers(len(IRRELEVANT), size=number)]


def _in_order(probes: dict[str, tuple[Sentence, ...]]) -> dict[str, tuple[Sentence, ...]]:
    return {name: probes[name] for name in PROBES if name in probes}


def _spread(given: Sequence[Sentence], known: Sequence[int], texts: Sequence[str]) -> tuple[Sentence, ...]:
    row: list[Sentence] = [None] * len(given)
    for index, text in zip(known, texts, strict=True):
        row[index] = text
    return tuple(row)
