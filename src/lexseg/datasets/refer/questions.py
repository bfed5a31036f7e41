"""Rows beside an image's own expressions: whether anything is there at all, other images' sentences, foreign words."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.datasets.phantoms.mark import mark_of
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.foreign import foreign_question
from lexseg.datasets.refer.grammar import wordings
from lexseg.datasets.refer.nouns import Nouns
from lexseg.datasets.refer.query import Query
from lexseg.datasets.refer.requests import requests
from lexseg.language.denial import affirmed
from lexseg.language.paraphrase import paraphrase
from lexseg.seeds import case_generator

PARAPHRASES = 24
"""Draws of other words that a sentence has in all, so that the number of distinct sentences stays bounded."""


def present_rows(
    case: Case,
    image: Path,
    nouns: Nouns,
    anatomy: Anatomy,
    *,
    number: int,
    wordings_each: int,
    requests_each: int,
    seed: int,
) -> list[Case]:
    """Questions for whatever there is, of an image of which no more is known than that something is there.

    Args:
        case: the image's row, with ``present`` and without a mask.
        image: the new image file.
        nouns: what the targets are called.
        anatomy: what is imaged.
        number: of rows.
        wordings_each: of each row, at most.
        requests_each: further wordings of each row as people type them.
        seed: of the choice.
    """
    pool = [*wordings(Query(), "mass", nouns, anatomy), *wordings(Query(), "one", nouns, anatomy)]
    rng = case_generator(seed, 0, f"{case.id}/present")
    typed = requests(Query(), nouns, anatomy) if requests_each else ()
    asked = [
        [*_some(pool, wordings_each, n, order), *_some(typed, requests_each, n, other)]
        for order, other in [(rng.permutation(len(pool)), rng.permutation(len(typed)))]
        for n in range(number)
    ]
    return [
        replace(
            case,
            id=f"{case.id}_p{n:02d}",
            image=image,
            texts=tuple(dict.fromkeys(chosen)),
            language="en",
            extra={"region": "", "query": "all", "leaks_mask": "", **mark_of(case)},
        )
        for n, chosen in enumerate(asked)
        if chosen
    ]


def _some(texts: Sequence[str], each: int, n: int, order: NDArray[np.int64]) -> list[str]:
    """The n-th stretch of texts in an order."""
    return [texts[i] for i in order[n * each : (n + 1) * each]]


def foreign_rows(case: Case, image: Path, mask: Path | None, anatomy: Anatomy, *, number: int, seed: int) -> list[Case]:
    """Questions whose words name nothing that the data teach; nothing of the image is the answer.

    Args:
        case: the image's row.
        image: the new image file.
        mask: the new instance mask; ``None`` where there is none.
        anatomy: what is imaged.
        number: of rows.
        seed: of the choice.
    """
    rng = case_generator(seed, 0, f"{case.id}/foreign")
    rows = []
    for n in range(number):
        text, kind = foreign_question(anatomy.name, rng)
        rows.append(
            replace(
                case,
                id=f"{case.id}_f{n:02d}",
                image=image,
                mask=mask,
                label=None,
                texts=(text,),
                laterality=case.laterality or "image",
                language="en",
                present="no",
                target_ids=None if mask is None else (),
                expression_kind="foreign",
                extra={"region": "", "query": kind, "leaks_mask": "", **mark_of(case)},
            )
        )
    return rows


def paraphrased(rows: Sequence[Case], number: int, seed: int) -> list[Case]:
    """Captions with ``number`` further wordings each, drawn from a bounded pool of each sentence's paraphrases.

    What a network meets in one wording alone it learns by that wording.
    """
    return [replace(row, texts=(*row.texts, *_other_words(row, number, seed))) for row in rows]


def _other_words(row: Case, number: int, seed: int) -> list[str]:
    rng = case_generator(seed, 0, f"{row.id}/paraphrases")
    others = dict.fromkeys(other for text in row.texts for other in _paraphrases(text))
    pool = [other for other in others if other not in row.texts]
    return [pool[i] for i in rng.permutation(len(pool))[:number]]


@lru_cache(maxsize=4096)
def _paraphrases(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paraphrase(text, case_generator(0, n, text)) for n in range(PARAPHRASES)))


def without_denials(rows: Sequence[Case]) -> list[Case]:
    """Rows whose sentences do not deny all that they name: such a one is answered before a model is asked."""
    kept = [replace(row, texts=tuple(text for text in row.texts if affirmed(text) is not None)) for row in rows]
    return [row for row in kept if row.texts]


@dataclass(slots=True)
class Others:
    """Sentences that are true of other images, asked of images in which there is nothing.

    Attributes:
        sentences: of images with targets, by split.
        waiting: rows to be asked, of images without.
    """

    sentences: dict[str | None, list[Case]] = field(default_factory=lambda: defaultdict(list))
    waiting: list[Case] = field(default_factory=list)

    def add(self, case: Case, captions: Sequence[Case], image: Path, mask: Path, *, targets: bool) -> None:
        """Take an image's captions, or keep its place."""
        if targets:
            self.sentences[case.split] += [row for row in captions if row.expression_kind is None]
        else:
            self.waiting.append(replace(case, image=image, mask=mask))

    def rows(self, number: int, seed: int) -> list[Case]:
        """``number`` rows for each image without targets, of sentences of the same split."""
        rows = []
        for case in self.waiting:
            told = self.sentences[case.split]
            rng = case_generator(seed, 0, f"{case.id}/others")
            for n in range(number if told else 0):
                other = told[int(rng.integers(len(told)))]
                rows.append(
                    replace(
                        case,
                        id=f"{case.id}_o{n:02d}",
                        label=None,
                        texts=other.texts,
                        laterality=other.laterality,
                        language=other.language,
                        present=None,
                        target_ids=(),
                        expression_kind="none",
                        extra={"region": "", "query": "", "leaks_mask": "", **mark_of(case)},
                    )
                )
        return rows
