"""What a report says that is no finding: of the examination, of other films, of what to do next, of who reads it.

A sentence is taken apart at its commas. What a part says by such a phrase is left out, unless the part itself names a
finding and a place ("follow-up of the nodule in the left upper lobe is recommended" tells of a nodule), or tells of
the past with something that is there now ("status post lobectomy with opacity").
"""

import re

from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.sides import places
from lexseg.language.vocabulary import names_finding

_PART = re.compile(r"[^,;]*[,;]?")


def without_remarks(text: str, words: Lexicon | None = None) -> str:
    """A sentence with blanks in the place of what is no finding; of the same length, so that places in it hold.

    ``"Left nodule, CT recommended"`` is ``"Left nodule                "``.

    Args:
        text: one sentence of a report.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    parts = [match.group() for match in _PART.finditer(text) if match.group()]
    remarks = [is_remark(part, words) for part in parts]
    # what only goes on with a remark is one too: "Dr. A. Smith, consultant radiologist"
    for i, part in enumerate(parts):
        beside = any(remarks[j] for j in (i - 1, i + 1) if 0 <= j < len(parts))
        remarks[i] = remarks[i] or (beside and not names_finding(part, words) and not places(part, words))
    kept = "".join(" " * len(p) if remark else p for p, remark in zip(parts, remarks, strict=True))
    trimmed = kept.rstrip().rstrip(",;") if any(remarks) else kept
    return trimmed.ljust(len(text))


def is_remark(text: str, words: Lexicon | None = None) -> bool:
    """Whether a part of a sentence is about something else than what the image shows."""
    words = words or lexicon()
    kinds = [f"remarks.{kind}" for kind in words.value("remarks")]
    if not kinds or words.words(*kinds).search(text) is None:
        return False
    if _is_known_finding(text, words) and places(text, words):
        return False
    past = words.words("remarks.past").search(text)
    joint = past and words.words("joints.with").search(text, past.end())
    return not (joint and _is_known_finding(text[joint.end() :], words))


def _is_known_finding(text: str, words: Lexicon) -> bool:
    return words.words("finding").search(text) is not None
