"""Words that mean nothing here, in the place of words that name what is looked for.

A model that has met a hundred names for an opacity still takes the hundred-and-first for something else, and says "not
found". Training with names of no meaning teaches it to go by the places that a sentence names. Only for data in which
each image holds one kind of target: where classes differ, their names are what matters.
"""

import re

import numpy as np

_NAMES = re.compile(
    r"\b(?:opacit(?:y|ies)|opacification|infections?|infected|infiltrates?|infiltration|consolidation|pneumonia|pneumonic"
    r"|airspace|disease|diseased|pathology|inflammation|shadow(?:s|ing)?|lesions?|abnormal(?:ity|ities)?|affected"
    r"|densit(?:y|ies)|patch(?:es|y)?|hazy|pulmonary|mass(?:es)?|tumou?rs?|nodules?|findings?|areas?|regions?|foc(?:us|i)"
    r"|change|COVID-19|segment|outline|show|mark|delineate|find|highlight|contour|trace|locate|identify|annotate|label"
    r"|seen|visible|noted|present|evidence|suspicion)\b",
    re.IGNORECASE,
)
_STRANGE = (  # noqa: SIM905 - a list would be a page long
    "amber anchor apple autumn basket beacon bitter blanket bottle branch bridge brittle bronze bucket butter "
    "button cabin candle canvas carpet castle cedar chalk cherry cinder circle clever cloud clover cobalt copper "
    "coral cotton cradle crayon crisp crumble curtain daisy dancer desert dotted dragon eager ember engine fabric "
    "feather fiddle flannel forest fragile fringe frosty garden gentle ginger glitter golden gravel hammer harbor "
    "hazel hollow honey humble island ivory jacket jelly jumble kettle ladder lantern leather lemon linen lively "
    "lumpy marble meadow mellow mirror muddy murky napkin needle noisy nutmeg olive orchard paddle pebble pencil "
    "pepper plaster pocket powder purple puzzle quiet rabbit ragged ribbon ripple rocket rusty saddle sandy scarlet "
    "shimmer silver simple slippery sparkle spotted spring steady sticky stitched stormy sugar sunny tangle timber "
    "torn tulip tunnel velvet violet walnut whisper willow winter woolly yellow zigzag "
).split()


def estrange(text: str, rng: np.random.Generator, *, share: float = 0.6) -> str:
    """Put strange words for some of those that name a finding or ask for it; places and all else stay.

    Args:
        text: English.
        rng: all chance comes from it.
        share: of the words concerned that are replaced, 0..1.
    """

    def other(match: re.Match[str]) -> str:
        word = _STRANGE[int(rng.integers(len(_STRANGE)))]
        if rng.random() >= share:
            return match.group()
        return word.capitalize() if match.group()[0].isupper() else word

    return _NAMES.sub(other, text)
