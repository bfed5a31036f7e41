"""Sentences that contradict themselves: "the left lesion in the right lung".

One narrow rule: a finding that is called left is said to lie in what is called right, or the other way round, with
nothing between that would make it two findings, a comparison or a movement. What it misses is left to what a model has
learnt.
"""

import re
from functools import cache

_SIDES = r"(?P<{name}>left|right|lt\.?|rt\.?|l|r)"
_FINDINGS = (
    r"(?:lesion|opacit(?:y|ies)|opacification|infection|infiltrates?|infiltration|consolidation|pneumonia|mass(?:es)?"
    r"|tumou?rs?|nodules?|shadow(?:s|ing)?|disease|patch(?:es)?|foc(?:us|i)|findings?|abnormalit(?:y|ies)|densit(?:y|ies)"
    r"|polyps?|cysts?|(?:infected|affected|abnormal|diseased) (?:areas?|regions?)|(?:areas?|regions?) of \w+)s?"
)
# what may stand between a side and its finding; "lung" of "left lung opacity", "lower" of "left lower zone opacity"
_BETWEEN = (
    r"(?:(?:lung|sided|pulmonary|lobe|zone|field|chest|hemithorax|airspace|upper|middle|mid|lower|basal|apical|patchy|hazy"
    r"|ground|glass|dense|focal|breast|hepatic|round|small|large) ){0,4}"
)
_LYING = r"(?:(?:is|are|lying|located|situated|seen|present|found|visible|projected) ){0,2}"
_IN = r"(?:in|of|on|at|within|inside|throughout|over|projecting over|involving|affecting) (?:the )?"
_BODY = r"(?: (?:lung|side|hemithorax|chest|lobe|breast|upper|middle|mid|lower|half|base|apex|zone)\b|[-]sided|\W*$)"


@cache
def _rule() -> re.Pattern[str]:
    one, other = _SIDES.format(name="one"), _SIDES.format(name="other")
    return re.compile(rf"\b{one} {_BETWEEN}{_FINDINGS} {_LYING}{_IN}{other}\b{_BODY}", re.IGNORECASE)


def contradicts(text: str) -> bool:
    """Whether a sentence says of one finding that it lies on both sides.

    Args:
        text: English, one sentence or several.
    """
    plain = re.sub(r"[\s\-/]+", " ", text)
    return any(m["one"][0].lower() != m["other"][0].lower() for m in _rule().finditer(plain))
