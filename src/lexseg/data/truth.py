"""What a case's sentence means, as a mask: the one place where the columns mask, label and target_ids are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.data.case import Case
from lexseg.data.masks import read_instances, read_mask
from lexseg.data.pictures import Bool
from lexseg.errors import DataError


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one sentence.

    Attributes:
        mask: bool[H, W], what the sentence means.
        others: bool[H, W], the image's instances that it does not mean; ``None`` where the mask knows no instances.
    """

    mask: Bool
    others: Bool | None = None


def read_truth(case: Case) -> Bool:
    """bool[H, W], what the case's sentence means; empty where it means nothing in the image.

    Raises:
        DataError: the mask cannot be read, or lacks an instance that the case names. As with `read_mask` the message
            names the file; whoever has more than one case adds ``case.where``.
    """
    return truth_of(case).mask


def truth_of(case: Case, instances: dict[Path, NDArray[np.int64]] | None = None) -> Truth:
    """What is true of a case's sentence.

    Args:
        case: with a mask.
        instances: instance masks that have been read, by their path; filled here, so that cases may share them.

    Raises:
        DataError: as `read_truth`.
    """
    if case.mask is None:
        raise ValueError(f"{case.where}: there is no mask")
    if case.target_ids is None:
        return Truth(read_mask(case.mask, case.label))
    known = {} if instances is None else instances
    if case.mask not in known:
        known[case.mask] = read_instances(case.mask)
    return _named(case.mask, known[case.mask], case.target_ids)


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
