"""What is wrong with the masks and images of a manifest together, where each alone is sound."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lexseg.cases.case import Case
from lexseg.cases.mask_values import Meaning, Values, meaning, table, values_of
from lexseg.cases.problem import Problem
from lexseg.errors import DataError
from lexseg.scans.open import Bool, is_picture, turn_of

SIZE = 224
"""Pixels: the side of what most networks here read."""

FEW = 4
"""Pixels of a target below which it counts as vanishing."""

UNTRAINABLE = (
    "lexseg train refuses it: draw the mask, say by 'present' whether the target is there, leave the row out, or have "
    "a regime learn from it as it is (--regime)"
)
"""What is said of a case of which neither a mask nor ``present`` says whether its target is there."""

Small = Mapping[Path | None, Sequence[tuple[Case, int]]]
"""Of each manifest the cases whose targets vanish, and how many pixels are left of each."""


def meanings(cases: Sequence[Case]) -> Iterator[Problem]:
    """What the values of a manifest's masks mean together, and labels that none of them holds."""
    by_source: dict[Path | None, list[Case]] = {}
    for case in cases:
        if case.mask is not None and case.target_ids is None:
            by_source.setdefault(case.source, []).append(case)
    for source, members in by_source.items():
        values = values_of(case.mask for case in members if case.mask is not None)
        yield from _labels(source, members, values)
        found = meaning(
            {case.mask: values[case.mask] for case in members if case.label is None and case.mask in values}
        )
        if found.label is not None:
            found = Meaning(open=f"the masks hold no 0, and some but one value: {table(values)}")
        if found.open:
            message = (
                f"{found.open}; read one by one, the larger value of each would be foreground, and a mask of one "
                "value all of it: name the foreground in a column 'label', or save masks of 0 and 255; where all "
                "but 0 is foreground, `lexseg import manifest FILE --label any --output DIR` writes such"
            )
            yield Problem("error", None, "mask", message, source)


def nowhere_located(cases: Sequence[Case], lost: Collection[tuple[Path | None, int | None]]) -> Iterator[Problem]:
    """A warning for each split that is trained on of which no case says where its target is.

    Args:
        cases: all of them.
        lost: manifests and rows whose masks are there, and could not be read.
    """
    for split, name in (("train", "the split 'train'"), ("val", "the split 'val'"), (None, "the manifests")):
        members = [case for case in cases if case.split == split]
        # without splits, any case may come into either
        if members and not any(case.is_located or (case.source, case.row) in lost for case in members):
            message = (
                f"no case of {name} says where its target is, so that lexseg train refuses them: some need a mask, or "
                "'present' no; lexseg pseudo-label makes masks of images and sentences"
            )
            yield Problem("warning", None, "mask", message, members[0].source)


def turns(cases: Sequence[Case]) -> Iterator[Problem]:
    """A warning for pictures that a camera's note turns, where the masks that fit either way carry no such note."""
    turned: dict[Path | None, list[Case]] = {}
    notes: dict[Path, tuple[int, tuple[int, int]]] = {}
    for case in cases:
        if case.mask is None or case.image == Path() or not is_picture(case.image):
            continue
        try:
            for path in (case.image, case.mask):
                if path not in notes:
                    notes[path] = turn_of(path)
        except DataError:  # told of already
            continue
        (turn, size), (other, _) = notes[case.image], notes[case.mask]
        # where a quarter turn swaps unequal sides, the sizes tell whether both were turned
        if turn != other and not (turn >= 5 and size[0] != size[1]):
            turned.setdefault(case.source, []).append(case)
    for source, members in turned.items():
        message = (
            f"{len(members)} of the images and masks are turned by different EXIF orientations, which are applied "
            f"to both (the first: {shown_path(members[0].image, members[0])}): a mask drawn on the picture as it is "
            "shown "
            "must carry none, one drawn on the stored pixels the picture's; look at one of them"
        )
        yield Problem("warning", members[0].row, "mask", message, source)


def vanishing(small: Small) -> Iterator[Problem]:
    """A warning for targets of which next to nothing is left at the size that networks read."""
    for source, found in small.items():
        gone = sum(left == 0 for _, left in found)
        message = (
            f"{len(found)} targets are so small that resized to {SIZE} x {SIZE} pixels less than {FEW} are left, "
            f"of {gone} nothing (case {found[0][0].id!r} for one): at that size they can hardly be learnt or found; "
            "train with a larger data.size, or on cut-outs"
        )
        yield Problem("warning", None, "mask", message, source)


def exchanged(around: Mapping[Path | None, Sequence[Case]]) -> Iterator[Problem]:
    """A warning for masks that look like negatives: what counts as foreground is all around.

    Args:
        around: of each manifest the cases whose foreground holds the border of the image (`holds_border`).
    """
    for source, found in around.items():
        message = (
            f"in {len(found)} masks the foreground, which is the larger of two values, holds the border of the image "
            f"(the first: {found[0].id!r}): if the target is the dark part, write 0 in their column 'label', or let "
            "`lexseg import manifest FILE --label 0 --output DIR` do so for all"
        )
        yield Problem("warning", found[0].row, "mask", message, source)


def holds_border(mask: Bool) -> bool:
    """Whether nine tenths of the border of a mask bool[H, W] are foreground, as of no lesion of seven data sets."""
    return bool(np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]]).mean() >= 0.9)


def _labels(source: Path | None, cases: Sequence[Case], values: Values) -> Iterator[Problem]:
    """Errors for labels that occur in no mask that is read by them."""
    by_label: dict[int, dict[Path, frozenset[int]]] = {}
    for case in cases:
        if case.label is not None and case.mask is not None and case.mask in values:
            by_label.setdefault(case.label, {})[case.mask] = values[case.mask]
    for label, read in by_label.items():
        if not any(label in each or (label >= 250 and 255 in each) for each in read.values()):
            message = f"no mask holds the label {label}: all would be empty; there are {table(read)}"
            yield Problem("error", None, "label", message, source)


def pixels_at(mask: Bool, side: int) -> int:
    """How many pixels of a mask bool[H, W] are left when it is resized to a square by nearest neighbours."""
    rows, columns = ((np.arange(side) + 0.5) * length / side for length in mask.shape)
    return int(mask[rows.astype(np.int64)][:, columns.astype(np.int64)].sum())


def shown_path(path: Path, case: Case) -> str:
    """The path as the manifest writes it."""
    if case.source is None:
        return str(path)
    folder = case.source.resolve().parent
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
