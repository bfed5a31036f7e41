"""What a case's sentence means: the one place where mask, label, target_ids and present are read together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.errors import DataError
from lexseg.scans.images import image_size
from lexseg.scans.masks import read_instances, read_mask
from lexseg.scans.open import Bool


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one sentence.

    Attributes:
        mask: bool[H, W], what the sentence means; empty where nobody has drawn it.
        others: bool[H, W], the image's instances that it does not mean; ``None`` where the mask knows no instances.
        located: whether the mask is the truth. If not, the target's place is unknown and the mask says nothing.
        present: whether the target is in the image; ``None``: unknown.
    """

    mask: Bool
    others: Bool | None = None
    located: bool = True
    present: bool | None = None


def read_truth(case: Case) -> Bool:
    """bool[H, W], what the case's sentence means; empty where it means nothing in the image.

    Of a case that is located (``Case.is_located``); of others see `truth_of`.

    Raises:
        DataError: the mask cannot be read, lacks an instance that the case names, or says otherwise than ``present``.
            As with `read_mask` the message names the file; whoever has more than one case adds ``case.where``.
    """
    return truth_of(case).mask


def truth_of(
    case: Case, instances: dict[Path, NDArray[np.int64]] | None = None, shape: tuple[int, int] | None = None
) -> Truth:
    """What is true of a case's sentence.

    Args:
        case: with a mask, or with ``present`` yes or no.
        instances: instance masks that have been read, by their path; filled here, so that cases may share them.
        shape: (H, W) of the image, for a case without a mask; ``None`` reads it from the image's header.

    Raises:
        DataError: as `read_truth`.
    """
    if case.mask is None:
        if case.present not in ("yes", "no"):
            raise ValueError(f"{case.where}: there is no mask, and 'present' does not say whether the target is there")
        nothing = np.zeros(shape or image_size(case.image), np.bool_)
        return Truth(nothing, located=case.present == "no", present=case.present == "yes")
    if case.target_ids is None:
        truth = Truth(read_mask(case.mask, case.label))
    else:
        known = {} if instances is None else instances
        if case.mask not in known:
            known[case.mask] = read_instances(case.mask)
        truth = _named(case.mask, known[case.mask], case.target_ids)
    return _held_against(truth, case, case.mask)


def _held_against(truth: Truth, case: Case, path: Path) -> Truth:
    """What a mask shows, with what the case says of it."""
    shown = bool(truth.mask.any())
    if case.present == "unknown" and not shown:
        return replace(truth, located=False)
    if case.present in ("yes", "no") and shown != (case.present == "yes"):
        holds = "holds a target" if shown else "is empty"
        raise DataError(f"{path}: the mask {holds}, but 'present' is {case.present!r}; mend one, or leave one out")
    return replace(truth, present=shown)


def _named(path: Path, instances: NDArray[np.int64], targets: Sequence[int]) -> Truth:
    mask = np.zeros(instances.shape, dtype=np.bool_)
    missing = []
    for target in targets:
        one = instances == target
        if not one.any():
            missing.append(str(target))
        mask |= one
    if missing:
        found = np.unique(instances)
        found = found[found > 0]
        held = ", ".join(map(str, found[:20])) + (", ..." if len(found) > 20 else "")
        message = f"target_ids names {', '.join(missing)}, but the instances in the mask are {held or 'none'}"
        raise DataError(f"{path}: {message}")
    return Truth(mask, (instances > 0) & ~mask)
