"""Undo, redo, back to the first, again, accept: sentences about the corrections, not about the mask."""

import re
from typing import Literal

from lexseg.interaction.operations import Control
from lexseg.interaction.reading.tags import number_of
from lexseg.language.lexicon import Lexicon

_CONTROLS: tuple[Literal["undo", "redo", "reset", "accept", "repeat"], ...] = (
    "undo", "redo", "reset", "accept", "repeat",
)  # fmt: skip
_TIMES = {"once": 1, "twice": 2}
_UNITS = r"(?: (?:steps?|times?|changes?|corrections?|edits?|things?|ones?|commands?))?"
_BACK = re.compile(
    r"(undo|redo|revert|cancel|take back|reverse|scrap)(?: the| my| these| those)?(?: last| previous| past)? (\w+)"
    + _UNITS
)
_STEPS = re.compile(r"(?:go |come |step )?back(?: by)? (\w+)(?: (?:steps?|times?|changes?))")
_PARTS = re.compile(r"\s*[,.;:!]+\s*(?:and\s+)?|\s+-\s+|\s+and\s+")


def control_of(plain: str, words: Lexicon) -> Control | None:
    """The control that a sentence is, of several parts such as "looks good, save it" too; ``None`` where it is none.

    Args:
        plain: the sentence, as :func:`lexseg.interaction.reading.tags.normal` made it.
        words: the lexicon.
    """
    if (whole := _one(plain, words)) is not None:
        return whole
    parts = [part for part in _PARTS.split(plain) if part]
    if len(parts) < 2:
        return None
    passing = words.words("correct.passing", "correct.polite")
    read = {part: _one(part, words) for part in parts}
    found = {control for part, control in read.items() if control is not None or not passing.fullmatch(part)}
    return found.pop() if len(found) == 1 else None


def _one(plain: str, words: Lexicon) -> Control | None:
    match = _BACK.fullmatch(plain)
    if match and (number := _TIMES.get(match[2]) or number_of(match[2], words)):
        return Control("redo" if match[1] == "redo" else "undo", number)
    if match := _STEPS.fullmatch(plain):
        times = number_of(match[1], words)
        return Control("undo", times) if times else None
    for do in _CONTROLS:
        if re.fullmatch(words.union(f"correct.{do}"), plain):
            return Control(do)
    return None
