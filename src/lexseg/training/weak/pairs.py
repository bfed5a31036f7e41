"""Images with their sentences, whose masks are never opened, and batches in which captions differ."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lexseg.cases.case import NAMES_NOTHING, Case
from lexseg.cases.languages import in_model_words
from lexseg.cases.manifest import read_manifests
from lexseg.cases.problem import describe
from lexseg.cases.splits import apply_splits, assign_splits, leaks, parse_fractions
from lexseg.errors import ConfigError, DataError
from lexseg.language.parts import named_parts
from lexseg.language.same_meaning import phrases
from lexseg.language.sides import Laterality, convert_laterality, places
from lexseg.training.prepare import in_one_convention, only_listed

Near = Literal["places", "equal"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Cases without their masks.

    Attributes:
        cases: with their first wording as the only one.
        belong: bool[N], false where what the sentence names is known not to be in the image.
        key: of what is said, equal for equal captions.
    """

    cases: tuple[Case, ...]
    belong: tuple[bool, ...]
    key: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.cases)


def read_pairs(
    paths: Sequence[Path],
    *,
    text_columns: Sequence[str] = ("text",),
    phrase: str = "",
    ids: str = "",
    split_file: str = "",
    seed: int = 0,
) -> tuple[Pairs, Pairs]:
    """The training and validation cases of manifests as pairs.

    Args:
        paths: manifests; where one has no split, a fifth of its patients validate.
        text_columns: the columns that hold the sentence; the first wording is taken.
        phrase: said of every image in place of its sentence, for image-level labels whose captions are not to be
            believed; ``present`` says where it is true.
        ids: a list of training cases, one a line; "" is all.
        split_file: splits in place of the manifests'.
        seed: of the splits that are made.

    Raises:
        ConfigError: no manifest is named.
        DataError: a manifest cannot be used, a patient stands in two splits, or nothing is left to tell apart.
    """
    if not paths:
        raise ConfigError("no manifest was named; name one or more with images and sentences")
    cases = read_split(paths, text_columns=text_columns, ids=ids, split_file=split_file)
    cases = in_one_convention(assign_splits(cases, parse_fractions("80/20/0"), seed), None)
    if problems := leaks(cases):
        raise DataError(f"the cases cannot be trained on:\n{describe(problems)}")
    found = [_pairs([c for c in cases if c.split == split], phrase) for split in ("train", "val")]
    training = found[0]
    told = {key for key, belong in zip(training.key, training.belong, strict=True) if belong}
    if not told or (len(told) < 2 and all(training.belong)):
        raise DataError(
            f"{', '.join(map(str, paths))}: the training cases say the same of every image, so that there is nothing "
            "to tell apart; two different sentences were expected, or images with 'present' no"
        )
    return found[0], found[1]


def read_split(
    paths: Sequence[Path], *, text_columns: Sequence[str] = ("text",), ids: str = "", split_file: str = ""
) -> list[Case]:
    """The cases of manifests in the models' language, with their splits as they are told; arguments as above."""
    cases = in_model_words(read_manifests(paths, text_columns=text_columns))
    if split_file:
        cases = apply_splits(cases, split_file)
    return only_listed(cases, Path(ids)) if ids else cases


def _pairs(cases: Sequence[Case], phrase: str) -> Pairs:
    kept, belong, keys = [], [], []
    for case in cases:
        text = phrase or case.text.strip()
        if not text or case.present == "unknown":
            continue
        belong.append(case.present != "no" and case.expression_kind not in NAMES_NOTHING)
        keys.append(phrases(text) or text)
        kept.append(without_mask(case, text))
    return Pairs(tuple(kept), tuple(belong), tuple(keys))


def without_mask(case: Case, text: str | None = None) -> Case:
    """The case as if nobody had drawn its target, and answered, so that the usual reader takes it."""
    said = case.texts if text is None else (text,)
    return replace(case, texts=said, mask=None, label=None, target_ids=None, expression_kind=None, present="yes")


class Draw:
    """Draws batches in which as many captions differ as can: of each caption an image by chance.

    Args:
        pairs: what is drawn from.
        batch: images in a batch.
        seed: the n-th batch is a function of it and n.
    """

    def __init__(self, pairs: Pairs, batch: int, seed: int) -> None:
        names = {key: i for i, key in enumerate(dict.fromkeys(_drawn_as(pairs)))}
        groups: list[list[int]] = [[] for _ in names]
        for index, key in enumerate(_drawn_as(pairs)):
            groups[names[key]].append(index)
        self.groups, self.batch, self.seed = groups, min(batch, len(pairs)), seed
        # a caption of many images is met more often, yet not as often as it has images
        self.rate = np.sqrt([len(group) for group in groups])

    def __call__(self, step: int) -> list[int]:
        """The indices of a batch; no image twice."""
        rng = np.random.default_rng([self.seed, step])
        taken: list[int] = []
        left = [list(rng.permutation(group)) for group in self.groups]
        while len(taken) < self.batch:
            open_ = [i for i, group in enumerate(left) if group]
            rate = self.rate[open_]
            count = min(len(open_), self.batch - len(taken))
            for i in rng.choice(open_, count, replace=False, p=rate / rate.sum()):
                taken.append(int(left[i].pop()))
        return taken


def _drawn_as(pairs: Pairs) -> list[str]:
    return [key if there else f"\0not {key}" for key, there in zip(pairs.key, pairs.belong, strict=True)]


def no_negatives(texts: Sequence[str], belong: Tensor, near: Near = "places") -> Tensor:
    """Bool[B, B], true where image i and sentence j speak neither for nor against each other.

    That is where their captions are equal or nearly so, unless it is known that what is named is not in image i.

    Args:
        texts: the sentences, as they are read.
        belong: bool[B], of the rows.
        near: what makes captions nearly equal, beside being equal: that they name the same places.
    """
    same = torch.zeros(len(texts), len(texts), dtype=torch.bool)
    for key in (_caption, _places) if near == "places" else (_caption,):
        found = [key(text) for text in texts]
        names = {each: i for i, each in enumerate(dict.fromkeys(found)) if each}
        number = torch.tensor([names.get(each, -1 - i) for i, each in enumerate(found)])
        same |= number[:, None] == number[None]
    return same & belong[:, None]


def parts_of(texts: Sequence[str], sides: Sequence[Laterality | None], belong: Tensor) -> tuple[Tensor, Tensor]:
    """What captions say of six parts of their images (:mod:`lexseg.language.parts`).

    Args:
        texts: the sentences, as they are read.
        sides: whose left "left" is in them; where it is not known it is taken as the image's.
        belong: bool[B]; what is known not to be in an image is in no part of it.

    Returns:
        bool[B, 3, 2], the parts that are named, and bool[B], whether anything is said of them.
    """
    found = [named_parts(convert_laterality(t, side, "image")) for t, side in zip(texts, sides, strict=True)]
    none = ((False, False),) * 3
    named = torch.tensor([none if parts is None else parts for parts in found])
    known = torch.tensor([parts is not None for parts in found]) | ~belong
    return named & belong[:, None, None], known


@cache
def _caption(text: str) -> str:
    return phrases(text) or text


@cache
def _places(text: str) -> str:
    named = sorted(places(text))
    return repr(named) if named else ""
