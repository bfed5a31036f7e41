"""What a sentence names, as codes that a viewer and an archive understand: SNOMED CT, or DICOM's own.

Only common findings are known. What is not known is "Finding": a coarse code is better than a wrong one.
"""

from collections.abc import Collection
from dataclasses import dataclass

from lexseg.language.denial import affirmed
from lexseg.language.lexicon import Lexicon, lexicon


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept. Attributes: value: the code; scheme: ``SCT`` or ``DCM``; meaning: for people to read."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class CodedFinding:
    """What a segment shows. Attributes: category: of context group CID 7150; kind: what it is, such as "Nodule"."""

    category: Code
    kind: Code


ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
ANYTHING = CodedFinding(ABNORMAL, Code("404684003", "SCT", "Clinical finding"))
"""A finding that says no more than that there is one."""


def finding_of(text: str | None, words: Lexicon | None = None, *, untold: Collection[str] = ()) -> CodedFinding:
    """What the words look for; what they deny ("no effusion") is passed over.

    Args:
        text: a sentence; ``None`` is the null sentence.
        words: of its language; ``None`` is English.
        untold: findings of which an answer does not tell whether what it found is one
            (:attr:`lexseg.predict.segmentation.Segmentation.untold`): they give no code.

    Returns:
        the first finding with a code that the sentence names, else the organ that it names, else :data:`ANYTHING`.
    """
    words = words or lexicon()
    asked = affirmed(text, words) if text else None
    if not asked:
        return ANYTHING
    findings, organs = words.finding_finder(asked), words.organ_finder(asked)
    if code := next((each.code for _, _, each in findings if each.code and each.id not in untold), None):
        return CodedFinding(ABNORMAL, Code(*code))
    if any(each.id in untold for _, _, each in findings):
        return ANYTHING
    # named alone, the organ itself is meant
    if code := next((organ.code for _, _, organ in organs if organ.code), None):
        return CodedFinding(ANATOMY, Code(*code))
    return ANYTHING
