"""From what a model says to what is told: the state of an answer, and a presence that fits it. Imports no numpy."""

from lexseg.predict.answered import State


def state_of(*, outside: bool, negated: bool, absent: bool, highest: float, threshold: float) -> State:
    """``not in scope``, ``negated``, ``not found`` or ``found``: the first that applies.

    Args:
        outside: the question is not in the model's scope, and was not asked anyway.
        negated: the sentence says of all it names that it is not there.
        absent: the model says that what the words name is not in the image.
        highest: probability of a pixel, 0..1.
        threshold: from which on a pixel is found.
    """
    if outside:
        return "not in scope"
    if negated:
        return "negated"
    return "not found" if absent or highest < threshold else "found"


def consistent(
    presence: float | None, highest: float, *, threshold: float, presence_threshold: float | None
) -> float | None:
    """The probability of presence to be told, which never contradicts the mask.

    A network may take its target for there and place it nowhere. Nothing is found then, and what is told is the
    threshold of presence, less by as much as the highest pixel lacks: the higher that is, the nearer it comes.

    Args:
        presence: what the model says, calibrated, 0..1.
        highest: the highest probability of a pixel, 0..1.
        threshold: from which on a pixel is found.
        presence_threshold: below which nothing is found.

    Returns:
        ``presence`` where the two agree; else what lies below ``presence_threshold``.
    """
    if presence is None or presence_threshold is None or presence < presence_threshold or highest >= threshold:
        return presence
    return presence_threshold * highest / threshold
