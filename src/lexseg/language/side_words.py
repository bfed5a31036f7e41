"""The English lexicon's words for sides and heights (``sides`` and ``heights``), as constants."""

from lexseg.language.lexicon import lexicon


def _pairs(table: str, one: str, other: str) -> dict[str, str]:
    return {row[one]: row[other] for row in lexicon().value(table)}


LEFT_RIGHT = _pairs("sides.pairs", "left", "right")
LEFT_RIGHT_SHORT = _pairs("sides.short", "left", "right")
UP_DOWN = _pairs("heights.pairs", "upper", "lower")
UP_DOWN_SHORT = _pairs("heights.short", "upper", "lower")
