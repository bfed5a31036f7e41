"""What people read in place of the plan's short names."""

import math

from lexseg.comparison.cells import reads_words
from lexseg.comparison.outcomes import Entry
from lexseg.comparison.plan import NULL, Plan

PROBE_LABELS = {
    "none": "no words",
    "shuffled": "another case's words",
    "swapped": "left and right swapped",
    "irrelevant": "words about something else",
    "other": "another target's words",
    "absent": "words for what is not there",
}


def text_label(text: str) -> str:
    """What a kind of sentence is called in tables."""
    return "no words" if text == NULL else text


def entry_label(plan: Plan, entry: Entry) -> str:
    """A method, and its kind of sentence where the plan has several."""
    return row_label(plan, entry.method, entry.dataset, entry.text)


def row_label(plan: Plan, method: str, dataset: str, text: str) -> str:
    """The same by names; a kind of sentence is named where it is not the data set's first, or none at all."""
    label, texts = plan.label(method), plan.texts_of(dataset)
    silenced = text == NULL and len(texts) > 1 and reads_words(plan, method)
    return label if text == texts[0] and not silenced else f"{label}, {text_label(text)}"


def number(value: float | None, digits: int = 3) -> str:
    """A score; - where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference to three places, with its sign."""
    if value is None or not math.isfinite(value):
        return "-"
    words = f"{value:+.{digits}f}"
    return words[1:] if float(words) == 0 else words.replace("-", "\N{MINUS SIGN}")


def p_value(value: float | None) -> str:
    """A p value as papers print it, with the least that can be told apart."""
    if value is None or not math.isfinite(value):
        return "-"
    return "<\N{NO-BREAK SPACE}0.001" if value < 0.001 else f"{value:.3f}"


def amount(value: float | None) -> str:
    """A count or a cost in three digits: 4.51 M, 0.83 G, 812."""
    if value is None or not math.isfinite(value):
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g} {unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
