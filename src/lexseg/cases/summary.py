"""What a data set holds, in numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, get_args

from lexseg.cases.case import Case, ExpressionKind, Presence


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of some numbers."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """The quantiles of values; ``None`` where there are none."""
        return cls(min(values), median(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a data set holds.

    Attributes:
        cases: rows, also those with problems.
        images: distinct files that exist.
        image_sizes: how many distinct images there are of each size ``height x width``, the most frequent first.
        splits: cases of each split; ``none`` where no split is stated.
        patients: distinct patients of each split, where patients are known.
        without_patient: cases of no known patient.
        without_mask: cases that have no mask.
        empty_masks: masks without any foreground, other than those of expressions that mean nothing in the image.
        present: cases of which the column ``present`` says yes, no or unknown; empty where it says nothing.
        kinds: expressions that name one target, several or none; empty where there are no referring expressions.
        leaking: cases whose sentence was written from the true mask, as the manifest says.
        foreground: share of foreground pixels in the masks that are not empty.
        sentences: distinct sentences, the null sentence left out.
        without_sentence: cases that have the null sentence only.
        tokens: tokens of the distinct sentences, special ones included; ``None`` without a text encoder.
        token_limit: the most tokens the text encoder reads.
        unknown_tokens: share of tokens that the text encoder does not know, the mean over all sentences of all cases.
    """

    cases: int
    images: int
    image_sizes: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    patients: dict[str, int] = field(default_factory=dict)
    without_patient: int = 0
    without_mask: int = 0
    empty_masks: int = 0
    present: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    leaking: int = 0
    foreground: Spread | None = None
    sentences: int = 0
    without_sentence: int = 0
    tokens: Spread | None = None
    token_limit: int | None = None
    unknown_tokens: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return asdict(self)


def summarise(
    cases: Sequence[Case],
    *,
    sizes: Iterable[tuple[int, int]],
    foreground: Sequence[float],
    tokens: Mapping[str, int],
    unknown: Mapping[str, float],
    token_limit: int | None,
) -> Summary:
    """Sum up a data set.

    Args:
        cases: all of them.
        sizes: height and width of each distinct image that could be read.
        foreground: share of foreground pixels, 0..1, of each mask that could be read and may not be empty.
        tokens: length of each distinct sentence.
        unknown: share of unknown tokens, 0..1, of each distinct sentence.
        token_limit: the most tokens the text encoder reads.
    """
    splits = Counter(case.split or "none" for case in cases)
    patients = Counter(split for split, _ in {(case.split or "none", case.patient) for case in cases if case.patient})
    present = Counter(case.present for case in cases if case.present)
    kinds = Counter(case.expression_kind for case in cases if case.expression_kind)
    sentences = [text for case in cases for text in case.texts if text]
    shares = [unknown[text] for text in sentences if text in unknown]
    return Summary(
        cases=len(cases),
        images=len({case.image for case in cases} - {Path()}),
        image_sizes={f"{h} x {w}": number for (h, w), number in Counter(sizes).most_common()},
        splits={name: splits[name] for name in ("train", "val", "test", "none") if name in splits},
        patients={name: patients[name] for name in ("train", "val", "test", "none") if name in patients},
        without_patient=sum(not case.patient for case in cases),
        without_mask=sum(case.mask is None for case in cases),
        empty_masks=sum(share == 0 for share in foreground),
        present={answer: present[answer] for answer in get_args(Presence) if answer in present},
        kinds={kind: kinds[kind] for kind in get_args(ExpressionKind) if kind in kinds},
        leaking=sum(case.leaks_mask is True for case in cases),
        foreground=Spread.of([share for share in foreground if share > 0]),
        sentences=len(set(sentences)),
        without_sentence=sum(not any(case.texts) for case in cases),
        tokens=Spread.of([float(length) for length in tokens.values()]),
        token_limit=token_limit,
        unknown_tokens=sum(shares) / len(shares) if shares else None,
    )
