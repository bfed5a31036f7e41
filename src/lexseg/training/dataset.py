"""Cases as samples, and samples as batches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lexseg.cases.case import Case
from lexseg.cases.truth import Truth, truth_of
from lexseg.encoders.text.batch import EncodeText
from lexseg.errors import DataError
from lexseg.language.same_meaning import meaning_id
from lexseg.losses.target import Target
from lexseg.models.inputs import fit_image, image_tensor
from lexseg.models.place import Fit, ImagePlace
from lexseg.scans.images import read_image
from lexseg.seeds import case_generator
from lexseg.training.augment import (
    SEEN,
    AugmentConfig,
    AugmentParameters,
    MaskResize,
    augment_image,
    augment_mask,
    augment_text,
    disturb_text,
    draw,
)
from lexseg.training.batch import Batch
from lexseg.training.row_meaning import meaning, region


@dataclass(frozen=True, slots=True)
class Sample:
    """One case, ready to be put into a batch.

    Attributes:
        image: float[1 or 3, H, W] in 0..1 at the network's size.
        text: the sentence; empty is the null sentence.
        mask: float[1, H, W], 0 or 1; at its own size in validation.
        valid: bool[1, H, W].
        case: where it comes from.
        others: float[1, H, W], as in a :class:`Target`; ``None`` where it is not known.
        located: false where nobody has drawn what the sentence names: the mask says nothing, and nothing is ``valid``.
        present: as in a :class:`Target`.
        plain: the sentence before it was put in other words or misspelt, for a text encoder that cannot read it so.
        meaning: what is said, however it is put (:func:`lexseg.training.row_meaning.meaning`); empty: as ``text`` says.
        region: a number for what is meant, equal for equal regions of one image; ``None`` in validation.
    """

    image: Tensor
    text: str
    mask: Tensor
    valid: Tensor
    case: Case
    others: Tensor | None = None
    located: bool = True
    present: float = float("nan")
    plain: str = ""
    meaning: str = ""
    region: int | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """Samples as tensors, their sentences still words: what a reading process hands over.

    Attributes:
        image: float[I, 3, H, W] in 0..1.
        texts: the B sentences; empty is the null sentence.
        target: as in a :class:`Batch`.
        ids: the B cases' ids.
        plain: the sentences as they are where ``texts`` puts them in other words or misspells them.
        meanings: what they say, as in a :class:`Sample`.
    """

    image: Tensor
    texts: tuple[str, ...]
    target: Target
    ids: tuple[str, ...]
    plain: tuple[str, ...]
    meanings: tuple[str, ...] = ()


class CaseDataset(Dataset[Sample]):
    """Reads cases, and augments them where it is told how.

    Args:
        cases: of each it is known whether its target is there: by a mask, or by ``present``.
        size: (height, width) of the network's input.
        augment: ``None`` in validation: the first wording, and the mask at its own size.
        seed, epoch: all randomness is a function of these and the case's id.
        mask_resize: how a training mask comes to that size.
        fit: how an image does.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        size: tuple[int, int],
        *,
        augment: AugmentConfig | None = None,
        seed: int = 0,
        epoch: int = 0,
        mask_resize: MaskResize = "nearest",
        fit: Fit = "stretch",
    ) -> None:
        refuse_unanswered(cases)
        self.cases, self.size, self.augment, self.seed, self.epoch = list(cases), size, augment, seed, epoch
        self.mask_resize: MaskResize = mask_resize
        self.fit: Fit = fit
        # a case that is repeated within an epoch is not augmented twice in the same way
        seen: Counter[str] = Counter()
        self.keys: list[str] = []
        for case in self.cases:
            self.keys.append(f"{case.id}#{seen[case.id]}" if seen[case.id] else case.id)
            seen[case.id] += 1

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        if self.augment is None:
            image, (truth,) = _read([case])
            mask = torch.from_numpy(truth.mask).float()[None]
            present = float("nan") if truth.present is None else float(truth.present)
            valid = torch.full_like(mask, truth.located, dtype=torch.bool)
            image = fit_image(image, self.size, self.fit)
            return Sample(image, case.text, mask, valid, case, located=truth.located, present=present)
        source = (self.seed, self.epoch, self.keys[index])
        return augmented([case], self.augment, self.size, source, mask_resize=self.mask_resize, fit=self.fit)[0]


def augmented(
    cases: Sequence[Case],
    config: AugmentConfig,
    size: tuple[int, int],
    source: tuple[int, int, str],
    *,
    mask_resize: MaskResize = "nearest",
    fit: Fit = "stretch",
) -> list[Sample]:
    """What is asked about one image, which is read and augmented once for all of it.

    Where a sentence is dropped that names some of the image's instances, all of them are the truth: nothing says which.

    Args:
        cases: rows of one image, each with a mask, or with ``present`` yes or no.
        config: what may happen.
        size: (height, width) of the network's input.
        source: seed, epoch and what this image is called in the epoch: what all chance is a function of.
        fit: how the image comes to that size.
        mask_resize: of :func:`lexseg.training.augment.augment_mask`.
    """
    parameters = draw(config, case_generator(*source))
    asked = [parameters]
    for slot in range(1, len(cases)):
        words = draw(config, case_generator(*source[:2], f"{source[2]}/{slot}"))
        asked.append(replace(words, mirror=parameters.mirror, flip=parameters.flip))
    image, truths = _read(cases)
    place = ImagePlace.of((image.shape[-2], image.shape[-1]), size, fit)
    image = augment_image(image, parameters, size, fit)
    plain = [augment_text(_wording(case, words), words) for case, words in zip(cases, asked, strict=True)]
    for slot, truth in enumerate(truths):
        if not plain[slot] and truth.others is not None:
            whole = truth.mask | truth.others
            truths[slot] = replace(truth, mask=whole, others=np.zeros_like(whole), present=bool(whole.any()))
    # all of an image's masks at once: the grid is the same
    layers = [layer for truth in truths for layer in (truth.mask, truth.others) if layer is not None]
    masks, valid = augment_mask(torch.from_numpy(np.stack(layers)).float(), parameters, size, mask_resize, fit)
    layer = iter(masks[:, None])
    samples = []
    for case, words, truth, text in zip(cases, asked, truths, plain, strict=True):
        mask = next(layer)
        others = None if truth.others is None else next(layer)
        known = valid if truth.located else torch.zeros_like(valid)
        present, said = _present(truth, mask, parameters, place), disturb_text(text, words)
        same = meaning(case, words) if text else ""
        where = region(case.image, truth.mask)
        samples.append(Sample(image, said, mask, known, case, others, truth.located, present, text, same, where))
    return samples


def refuse_unanswered(cases: Iterable[Case]) -> None:
    """Refuse cases of which nothing is known: neither a mask nor ``present`` says whether the target is there.

    Raises:
        DataError: with the row of each.
    """
    if missing := list(dict.fromkeys(case.where for case in cases if not case.is_answered)):
        raise DataError(
            "training needs a mask for every case, or 'present' yes or no; neither is given in:\n  "
            + "\n  ".join(missing)
            + "\ndraw the masks, fill the column 'present' in, leave these rows out, or have a regime learn from those "
            "of the split train as they are (--regime mean-teacher, say; lexseg pseudo-label makes masks)"
        )


def stack(samples: Sequence[Sample], *, sentences: int = 1) -> Stack:
    """Put samples of one size together; gray images are repeated to three channels.

    Args:
        samples: those of one image side by side.
        sentences: how many of them an image has.
    """
    others = None
    if any(s.others is not None for s in samples):
        # in company, those of which no others are known have none
        others = torch.stack([torch.zeros_like(s.mask) if s.others is None else s.others for s in samples])
    return Stack(
        image=torch.stack([s.image.expand(3, -1, -1) for s in samples[::sentences]]),
        texts=tuple(s.text for s in samples),
        target=Target(
            mask=torch.stack([s.mask for s in samples]),
            valid=torch.stack([s.valid for s in samples]),
            others=others,
            weight=torch.tensor([s.case.weight for s in samples]),
            present=torch.tensor([s.present for s in samples]),
            region=None if samples[0].region is None else torch.tensor([s.region for s in samples]),
        ),
        ids=tuple(s.case.id for s in samples),
        plain=tuple(s.plain for s in samples),
        meanings=tuple(s.meaning for s in samples),
    )


def collate(samples: Stack | Sequence[Sample], encode_text: EncodeText) -> Batch:
    """Put samples into a batch, their sentences encoded."""
    s = samples if isinstance(samples, Stack) else stack(samples)
    text = encode_text([text or None for text in s.texts])
    if any(s.meanings):
        own = (meaning_id(said) if said else int(c) for said, c in zip(s.meanings, text.caption_id, strict=True))
        ids = torch.tensor(list(own), dtype=text.caption_id.dtype, device=text.caption_id.device)
        text = replace(text, caption_id=torch.where(text.is_null, text.caption_id, ids))
    return Batch(s.image, text, s.target, s.ids)


def _read(cases: Sequence[Case]) -> tuple[Tensor, list[Truth]]:
    """The image, float[1 or 3, H, W], and what is true of each sentence; errors say in which row they stand."""
    instances: dict[Path, NDArray[np.int64]] = {}
    truths: list[Truth] = []
    image: Tensor | None = None
    for case in cases:
        try:
            image = image_tensor(read_image(case.image)) if image is None else image
            truths.append(truth_of(case, instances, (image.shape[-2], image.shape[-1])))
        except DataError as error:
            raise DataError(f"{case.where}: {error}") from error
        if image.shape[-2:] != truths[-1].mask.shape:
            (h, w), (mask_h, mask_w) = image.shape[-2:], truths[-1].mask.shape
            raise DataError(f"{case.where}: the image is {w} x {h} pixels, but its mask {mask_w} x {mask_h}")
    assert image is not None
    return image, truths


def _present(truth: Truth, mask: Tensor, parameters: AugmentParameters, place: ImagePlace) -> float:
    """1, or 0 where the sentence means nothing in the image; NaN where what it means has been moved out of view.

    What nobody has drawn is taken to stay in view.
    """
    if truth.present is None:
        return float("nan")
    if not truth.located or not truth.present:
        return float(truth.present)
    expected = truth.mask.mean() * place.height * place.width * parameters.zoom[0] * parameters.zoom[1]
    return 1.0 if float(mask.sum()) > SEEN * expected else float("nan")


def _wording(case: Case, parameters: AugmentParameters) -> str:
    """One of the case's wordings, empty ones left out unless there is no other."""
    wordings = [t for t in case.texts if t.strip()] or [""]
    return wordings[int(parameters.wording * len(wordings))]
