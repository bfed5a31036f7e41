"""What a row says and means, whatever its words: what contrastive losses must not take for something else."""

import re
from pathlib import Path

import numpy as np

from lexseg.cases.case import Case
from lexseg.language.same_meaning import meaning_id, phrases
from lexseg.scans.open import Bool
from lexseg.training.augment import AugmentParameters, augment_text

_ACROSS = {"left": "right", "leftmost": "rightmost"}
_UPRIGHT = {"upper": "lower", "top": "bottom", "above": "below"}


def meaning(case: Case, parameters: AugmentParameters) -> str:
    """What the row says of the augmented image; equal for all wordings of a caption, and of a query.

    An expression that `lexseg refer` made is known by its query, within its data set: "all" is another finding in
    another set. Any other sentence is known by the phrases of its first wording.

    Args:
        case: the row.
        parameters: what has happened to the image; a mirror turns left into right.
    """
    query = case.extra.get("query", "")
    if not query or case.expression_kind in (None, "none"):
        return phrases(augment_text(case.text, parameters)) or case.text
    if parameters.mirror:
        query = _swapped(query, _ACROSS)
    if parameters.flip:
        query = _swapped(query, _UPRIGHT)
    return f"{case.source.parent if case.source else ''}: {query}"


def region(image: Path, truth: Bool) -> int:
    """A number for a region of an image, equal for equal ones."""
    return meaning_id(f"{image}: {np.packbits(truth).tobytes().hex()}")


def _swapped(query: str, pairs: dict[str, str]) -> str:
    both = pairs | {other: one for one, other in pairs.items()}
    return re.sub("[a-z]+", lambda word: both.get(word.group(), word.group()), query)
