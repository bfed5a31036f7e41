"""Whether a clause asks for more or for less of the mask."""

import re

from lexseg.interaction.reading.tags import Tagged

PLUS = ("generous", "generouser", "big", "bigger", "grow", "sensitivity")
MINUS = ("strict", "stricter", "small", "smaller", "shrink")
SIZE = (*PLUS, *MINUS)
_COMPARED = ("generouser", "stricter", "bigger", "smaller")
_VERBS = ("grow", "shrink")


def sign_of(said: Tagged) -> int | None:
    """Whether more or less of the mask is asked for, 1 or -1; ``None`` where neither is, or both are."""
    names = [tag for tag, _ in said.tags]
    sized = [(i, tag) for i, tag in enumerate(names) if tag in SIZE]
    signs = {1 if tag in PLUS else -1 for _, tag in sized}
    if len(signs) > 1:
        return None
    if said.has("than_mask"):
        return _of_the_finding(said, signs)
    if said.has("never"):
        # "do not be so strict" is less of it; "do not grow" asks for nothing
        return None if not said.has("so", "too") or not sized or said.has(*_VERBS, *_COMPARED) else -signs.pop()
    if said.has("past") and not said.has("too", "enough"):
        return None  # "it got bigger": a wish, or a complaint?
    if re.search(r"\b(?:it|mask|outline|contour|border|edge|segmentation) (?:is|looks|seems) [a-z ]*$", _before(said)):
        return None if not said.has("wished") else -signs.pop() if len(signs) == 1 and _compared(said) else None
    if said.has("wished"):
        return -signs.pop() if len(signs) == 1 and _compared(said) else None
    if said.has("too_much", "too_little"):
        quantity = 1 if said.has("too_little") else -1
        clash = said.has("remove", "missing", "shrink") or said.has("not", "no") or said.has("too_much", "enough") > 1
        grown = bool(sized) and signs != {-quantity}
        return None if clash or grown or (said.has("too_much") and said.has("too_little")) else quantity
    if not sized:
        return _quantity(said)
    tag = sized[0][1]
    sign = signs.pop()
    if len(sized) > 1 and not all(t in _VERBS or t in _COMPARED for _, t in sized):
        return None
    negated = said.has("not", "no")
    if tag in _COMPARED or tag in _VERBS:
        blocked = negated or said.has("less", "too", "enough", "so")
        if said.has("enough") and negated and tag in _VERBS and not said.has("less", "too"):
            return sign  # "not enlarged enough"
        if (said.has("add", "missing") and sign < 0) or (said.has("remove") and sign > 0):
            return None
        return None if blocked else sign
    if said.has("enough"):
        return sign if negated and not said.has("too", "less", "more") else None
    if said.has("too"):
        if negated and any(re.search(r"\b(?:is|are|was|were)\b", text) for t, text in said.tags if t == "not"):
            return None  # "it is not too big": no complaint
        return -sign if not said.has("more", "less") else None
    if negated:
        return -sign if said.has("so") or not said.has("more", "less") else None
    if said.has("less"):
        return -sign if not said.has("more") else None
    if said.has("more"):
        return sign
    if tag in ("big", "small"):
        wished = re.search(r"\b(?:make|should|must|needs?|has to|ought|could)\b", said.text)
        return sign if wished and not said.has("remove", "add") else None
    return sign


def _of_the_finding(said: Tagged, signs: set[int]) -> int | None:
    """As "the polyp is larger than this" says it: the mask is to become as large."""
    if len(signs) != 1 or not said.has("finding", "thing"):
        return None
    if said.has("not", "no", "never", "too", "so", "enough", "past", "wished", "shrink"):
        return None
    if any(tag == "grow" and not re.search(r"f[ua]rther", text) for tag, text in said.tags):
        return None
    return -signs.pop() if said.has("less") else signs.pop()


def _compared(said: Tagged) -> bool:
    """Whether a size is compared: "larger", "less strict", without a denial."""
    return said.has(*_COMPARED) and not said.has("not", "no", "less", "too", "enough", *_VERBS)


def _before(said: Tagged) -> str:
    """What stands before a comparison, where there is one: of "it is bigger" nobody knows what is wished."""
    if not said.has(*_COMPARED) or said.has("should"):
        return ""
    word = next(text for tag, text in said.tags if tag in _COMPARED)
    return said.text[: said.text.index(word)].rstrip() + " "


def _quantity(said: Tagged) -> int | None:
    """As "more of the apex", "remove more", "include less" say it; ``None`` where nothing is said of how much."""
    more, less = said.has("more"), said.has("less")
    if more == less or said.has("not", "no"):
        return None
    if said.has("remove", "wrong"):
        return -1 if more and not said.has("add", "missing", "wrong") else None
    if said.has("missing"):
        return 1 if more else None
    return 1 if more else -1
