"""Several pictures in one image, each asked by itself, and their answers as one.

An image that looks like several (:func:`lexseg.models.place.has_panels`) is cut where its pictures lie nearer to what
the model has learnt than the whole does: a prior film beside the present one, two views of a sonogram. Where they do
not, or nothing is known of what it has learnt, it stays one, and its answers say that it looks like several (OURS).

What is told of the answers needs neither numpy nor torch: a browser tells it, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lexseg.predict.answered import Outside, State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lexseg.predict.asker import Looked, Looks, Panel
    from lexseg.predict.segmentation import Segmentation
    from lexseg.predict.words import Sides

CUT = (
    "the image looks like several pictures put together: it was cut, and each was asked by itself; left, right, upper "
    "and lower are those of each"
)
NEARER = 0.95
"""At most so far, of the distance of the whole, the nearest picture lies from what the model has learnt."""


def cut(
    segmenter: "Looks[Any]",
    image: "NDArray[np.float32]",
    distance: float,
    about: tuple[tuple[float, float] | None, "Sides"],
    tta: bool,
) -> "tuple[Panel, ...]":
    """The pictures of an image, where it is to be cut; else none.

    Args:
        segmenter: that looks.
        image: float32[H, W] or [H, W, 3] in 0..1.
        distance: of the whole from what the model has learnt.
        about: its spacing, and what its header says of sides.
        tta: as in :meth:`lexseg.predict.segmenter.Segmenter.set_image`.
    """
    from lexseg.models.panels import boxes
    from lexseg.predict.asker import Panel

    places = boxes(image)
    sessions = segmenter.sessions([(image[place], *about) for place in places], tta=tta, alone=True)
    near = min((one.known.distance for one in sessions if one.known is not None and one.known.known), default=None)
    if len(places) < 2 or near is None or near > NEARER * distance:
        return ()
    return tuple(Panel(*each) for each in zip(sessions, places, strict=True))


def world_of(panels: "Iterable[Panel]") -> str | None:
    """The kind of image that all known pictures are; ``None`` where they are of several."""
    worlds = {each.session.world for each in panels} - {None}
    return worlds.pop() if len(worlds) == 1 else None


def outside_of(each: Sequence[Outside | None]) -> Outside | None:
    """Why a question about pictures is not in scope: it is where it is about one of them.

    Args:
        each: why not, about each picture; of an unknown picture beside a known one little is said.
    """
    if None in each:
        return None
    return next((why for why in each if why is not None and why.reason != "image"), each[0])


def told_of(states: Sequence[State]) -> tuple[str, ...]:
    """In which of several pictures something was found, and which were not asked.

    Args:
        states: of each picture.
    """
    found = [n for n, state in enumerate(states, start=1) if state == "found"]
    unasked = [n for n, state in enumerate(states, start=1) if state == "not in scope"]
    if len(unasked) == len(states) or not (found or unasked):
        return ()
    said = [f"found in {_numbers(found)}"] if found else []
    said += [f"{_numbers(unasked)} not asked, as not in scope"] if unasked else []
    return (f"of the {len(states)} pictures, counted line by line from the upper left: {'; '.join(said)}",)


def _numbers(numbers: Sequence[int]) -> str:
    return " and ".join(filter(None, (", ".join(map(str, numbers[:-1])), str(numbers[-1]))))


def joined(session: "Looked", whole: "Segmentation", said: "Mapping[Looked, Segmentation]") -> "Segmentation":
    """The answers about the pictures of an image as one about it: what was found in any is found.

    Args:
        session: the image.
        whole: an answer about it, as if nothing had been looked for.
        said: about each of its pictures that was asked.
    """
    import numpy as np

    found = any(answer.found for answer in said.values())
    where = np.zeros(session.shape, np.float32)
    for panel in session.panels:
        answer = said.get(panel.session)
        if answer is not None and (answer.found or not found):
            where[panel.inside] = answer.probability
    states: list[State] = [
        said[panel.session].state if panel.session in said else "not in scope" for panel in session.panels
    ]
    presences = [answer.presence for answer in said.values() if answer.presence is not None]
    doubts = [doubt for answer in said.values() for doubt in answer.doubts]
    return replace(
        whole,
        probability=where,
        presence=max(presences, default=None),
        doubts=tuple(dict.fromkeys((*doubts, *session.doubts, *told_of(states)))),
        untold=tuple(dict.fromkeys(word for answer in said.values() for word in answer.untold)),
    )
