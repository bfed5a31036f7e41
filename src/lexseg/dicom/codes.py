"""What a sentence names, as codes that a viewer and an archive understand: SNOMED CT, or DICOM's own.

Only common findings are known. What is not known is "Finding": a coarse code is better than a wrong one.
"""

import re
from dataclasses import dataclass
from functools import cache

from lexseg.text.negation import affirmed


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept. Attributes: value: the code; scheme: ``SCT`` or ``DCM``; meaning: for people to read."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a segment shows. Attributes: category: of context group CID 7150; kind: what it is, such as "Nodule"."""

    category: Code
    kind: Code


ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
ANYTHING = Finding(ABNORMAL, Code("404684003", "SCT", "Clinical finding"))
"""A finding that says no more than that there is one."""

# The first that matches at the earliest place in the sentence is taken, so longer names stand before their parts.
# Where SNOMED CT has none for what a radiologist sees (an opacity is no disease), DICOM's own code stands.
_FINDINGS: tuple[tuple[str, Code], ...] = (
    (r"ground[\s-]?glass(?:\s+opaci\w+)?|ggos?", Code("112120", "DCM", "Ground glass opacity")),
    (r"pleural\s+(?:effusions?|fluid)", Code("60046008", "SCT", "Pleural effusion")),
    (r"effusions?", Code("41699000", "SCT", "Effusion")),
    (r"consolidat(?:ions?|ed)", Code("95436008", "SCT", "Lung consolidation")),
    (r"infiltrat(?:es?|ions?)", Code("112121", "DCM", "Infiltrate")),
    (r"opaci(?:ty|ties|fications?)", Code("112001", "DCM", "Opacity")),
    (r"pneumothora(?:x|ces|xes)", Code("36118008", "SCT", "Pneumothorax")),
    (r"atelectas[ie]s", Code("46621007", "SCT", "Atelectasis")),
    (r"emphysema", Code("87433001", "SCT", "Pulmonary emphysema")),
    (r"pneumonias?", Code("233604007", "SCT", "Pneumonia")),
    (r"infect(?:ions?|ed)", Code("40733004", "SCT", "Infectious disease")),
    (r"cardiomegaly|enlarged\s+heart", Code("8186001", "SCT", "Cardiomegaly")),
    (r"nodules?", Code("27925004", "SCT", "Nodule")),
    (r"metasta(?:sis|ses|tic)", Code("14799000", "SCT", "Neoplasm, Secondary")),
    (r"tumou?rs?|neoplasms?|cancers?|carcinomas?", Code("108369006", "SCT", "Neoplasm")),
    (r"mass(?:es)?", Code("4147007", "SCT", "Mass")),
    (r"polyps?", Code("41329004", "SCT", "Polyp")),
    (r"cysts?", Code("367643001", "SCT", "Cyst")),
    (r"abscess(?:es)?", Code("44132006", "SCT", "Abscess")),
    (r"h(?:a)?emorrhages?|h(?:a)?ematomas?|bleed(?:ings?|s)?", Code("50960005", "SCT", "Hemorrhage")),
    (r"o?edema", Code("79654002", "SCT", "Edema")),
    (r"thromb(?:us|i|osis)", Code("396339007", "SCT", "Thrombus")),
    (r"embol(?:us|i|ism)", Code("55584005", "SCT", "Embolus")),
    (r"fibrosis", Code("112674009", "SCT", "Fibrosis")),
    (r"calcifications?", Code("18115005", "SCT", "Pathologic calcification")),
    (r"inflammations?", Code("409774005", "SCT", "Inflammation")),
    (r"lesions?", Code("52988006", "SCT", "Lesion")),
)
# named alone, the organ itself is meant
_ORGANS: tuple[tuple[str, Code], ...] = (
    (r"lungs?", Code("39607008", "SCT", "Lung")),
    (r"heart", Code("80891009", "SCT", "Heart")),
    (r"liver", Code("10200004", "SCT", "Liver")),
    (r"spleen", Code("78961009", "SCT", "Spleen")),
    (r"kidneys?", Code("64033007", "SCT", "Kidney")),
    (r"pancreas", Code("15776009", "SCT", "Pancreas")),
    (r"breasts?", Code("76752008", "SCT", "Breast")),
)


def finding_of(text: str | None) -> Finding:
    """What the words look for; what they deny ("no effusion") is passed over.

    Args:
        text: a sentence; ``None`` is the null sentence.

    Returns:
        the first finding that the sentence names, else the organ that it names, else :data:`ANYTHING`.
    """
    words = affirmed(text) if text else None
    if not words:
        return ANYTHING
    for names, category in ((_FINDINGS, ABNORMAL), (_ORGANS, ANATOMY)):
        found = [(match.start(), at) for at, (name, _) in enumerate(names) if (match := _pattern(name).search(words))]
        if found:
            return Finding(category, names[min(found)[1]][1])
    return ANYTHING


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{name})\b", re.IGNORECASE)
