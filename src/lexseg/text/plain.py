"""The same in plain words: what a model can also be asked, where a sentence means no more than one whole lung.

A network knows the words it was trained with best. "What is wrong with the left lung?" and "infection in the left lung"
ask the same, but the first may be one that it never met.
"""

import re
from collections.abc import Mapping

from lexseg.text.places import places

_SAYS = {"chest": "{noun} in the {side} lung"}
ANATOMIES = frozenset(_SAYS)
"""Those that sentences can be said plainly about."""

_ABOUT = {
    "chest": re.compile(
        r"\b(?:lungs?|pulmon\w+|chest|(?:hemi)?thora\w+|pneumon\w+|covid\w*|infect\w+|infiltrat\w+|consolidat\w+)\b",
        re.IGNORECASE,
    )
}
# Words that pick among what lies in a lung, count it, or name what is no infection: plain words would lose them.
_MORE = re.compile(
    r"(?<!covid-)(?<!covid-1)\d"
    r"|\b(?:(?:larg|big|small|long|wid|bright|dark|dens|round|few)(?:e|er|est|ger|gest|ed|ish)?|tiny|sizea?ble|extensive"
    r"|irregular\w*|elongated|oblong|band|faint|subtle|light\w*|lucent|patch|first|second|third|last|next|\w*most|furth?est"
    r"|main|above|below|beside|between|near\w*|superior|inferior|medial|lateral|central|peripheral\w*|perihilar|hil\w+"
    r"|one|two|three|four|single|sole|many|several|multiple|both|unilateral\w*|bilateral\w*"
    r"|effusions?|fluid|pleura\w*|pneumothora\w+|nodul\w+|mass(?:es)?|tumou?rs?|cancers?|metasta\w+|lymph\w*|cyst\w*"
    r"|cavit\w+|abscess\w*|bulla\w*|calcif\w+|granulom\w*|fibro\w+|scar\w*|thicken\w*|emphysema\w*|o?edema\w*"
    r"|ha?emorrh\w+|embol\w+|atelecta\w+|collaps\w+|hernia\w*|ribs?|fractur\w+|heart|cardi\w+|aort\w+|trache\w+"
    r"|mediastin\w+|diaphragm\w*|tubes?|catheters?|lines?|pacemakers?|wires?|breasts?)\b",
    re.IGNORECASE,
)


def in_plain_words(text: str, nouns: Mapping[str, str]) -> str | None:
    """What a sentence asks, said plainly; ``None`` where it may mean more than one whole side.

    "What is wrong with the left lung?" is ``"infection in the left lung"``. A sentence with a height ("left base"), two
    sides, a number, a size, a rank, or another finding is left alone.

    Args:
        text: one sentence, without what it denies.
        nouns: by anatomy, of `ANATOMIES`, how a model's training calls all that it looks for there.
    """
    anatomy = next((name for name in nouns if _ABOUT[name].search(text)), None)
    if anatomy is None or _MORE.search(text) or len(named := places(text)) != 1:
        return None
    ((side, height),) = named
    if not side or height:
        return None
    said = _SAYS[anatomy].format(noun=nouns[anatomy], side=side)
    return None if said.casefold() == text.strip(" .?!").casefold() else said
