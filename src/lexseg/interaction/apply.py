"""One operation on a state: another state, and what was done in words. Nothing is changed in place."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
from scipy import ndimage

from lexseg.errors import LexSegError
from lexseg.interaction import outlines
from lexseg.interaction.confidence import crossing, shifted
from lexseg.interaction.operations import (
    Amount,
    Clear,
    Components,
    Confidence,
    Cover,
    KeepRegion,
    Move,
    Operation,
    Point,
    Region,
    Resize,
    Retarget,
    Shape,
    Stroke,
    Threshold,
    Unit,
)
from lexseg.interaction.parts import Parts, meant
from lexseg.interaction.regions import inside, weight
from lexseg.interaction.state import FARTHEST, Click, Mask, State
from lexseg.interaction.telling import tell_components, tell_point, tell_region
from lexseg.predict.segmentation import Segmentation

Look = Callable[[str], Segmentation]
"""Asks the image that is corrected for something else."""

Refine = Callable[[State], State]
"""Answers what was pointed at: a state whose mask a refiner makes of the image, the clicks and the mask so far."""

FIRST = 0.01
"""What is shown of an empty mask first, as a share of the image: the likeliest pixels."""
_CLICK = 0.12  # how far from where the user points a click reaches, as a share of the picture's shorter side
_JOIN = 0.06  # the same of gaps that are closed
_HOW_MUCH: dict[Amount, str] = {
    "slight": "a little ",
    "usual": "",
    "fair": "quite a bit ",
    "much": "much ",
    "vast": "vastly ",
}


class NothingToDo(LexSegError):
    """An operation that would change nothing, and why: said to the user, and not kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """Attributes: state: the new one; echo: what was done, in words."""

    state: State
    echo: str


def apply(state: State, operation: Operation, look: Look, refine: Refine | None = None) -> Done:
    """Do one thing to a mask.

    Args:
        state: that is left as it is.
        operation: what is done.
        look: asks for something else, of the same image.
        refine: answers clicks; ``None`` takes in, or away, what is alike around them.

    Raises:
        NothingToDo: if it would change nothing, as "only the largest" of one part; the message says why.
        LexSegError: as ``look`` does.
    """
    if isinstance(operation, Retarget):
        return _retarget(state, operation, look)
    if isinstance(operation, Point) and refine is not None:
        return _refined(operation, state, refine)
    return _apply(operation, state)


@singledispatch
def _apply(operation: object, state: State) -> Done:
    raise TypeError(f"{type(operation).__name__} is no operation on a mask")


def _retarget(state: State, operation: Retarget, look: Look) -> Done:
    said = look(operation.sentence)
    new = State.of(said, state.left)
    told = {"found": "found", "not found": "not found", "negated": "the words say that it is not there"}
    return Done(new, f"asked the image anew: {told.get(said.state, said.state)}")


@_apply.register
def _confidence(operation: Confidence, state: State) -> Done:
    more, region = operation.more, _wide(operation.region)
    weights = weight(region, state)
    here = int(np.count_nonzero(state.mask & (weights >= 1)))
    if not more and not here:
        raise NothingToDo(f"nothing of the mask lies {tell_region(region, state)}" if state.area else _EMPTY)
    # where nothing is yet, as much as elsewhere
    count = crossing(here or state.area or round(FIRST * state.evidence.size / 0.2), operation.amount, more=more)
    new = state.with_evidence(shifted(state.evidence, weights, count, more=more))
    if region is None:
        new = replace(new, threshold=_threshold(new, state))
    word = _HOW_MUCH[operation.amount]
    where = "" if region is None else f" {tell_region(region, state)}"
    told = f"{word}{'more generous' if more else 'stricter'}{where}"
    if region is None:
        told += f": from a probability of {new.threshold:.2g} on, before {state.threshold:.2g}"
    return _done(state, new, told, none="the whole picture is taken in already" if more else _EMPTY)


@_apply.register
def _set_threshold(operation: Threshold, state: State) -> Done:
    by = _logit(operation.value) - _logit(state.threshold)
    new = replace(state.with_evidence((state.evidence - np.float32(by)).astype(np.float32)), threshold=operation.value)
    return Done(new, f"from a probability of {operation.value:g} on{_change(state, new)}")


@_apply.register
def _resize(operation: Resize, state: State) -> Done:
    mask = _some(state)
    grow, unit, where = operation.grow, operation.unit, inside(_wide(operation.region), state)
    pixel = state.spacing if unit == "mm" and state.spacing is not None else (1.0, 1.0)
    if operation.value is not None and unit != "%":
        radius = operation.value
    else:
        area = int(np.count_nonzero(mask & where)) or state.area
        share = None if operation.value is None else operation.value / 100
        count = crossing(area, operation.amount, more=grow) if share is None else round(area * share)
        radius = outlines.by_pixels(mask, where, count, grow=grow)
    wanted, depth = outlines.resized(mask, max(radius, 1e-6), pixel, grow=grow)
    new = state.with_evidence(outlines.marked(state.evidence, np.where(where, wanted, mask), depth))
    length, note = _length(radius, operation.value, unit, state)
    place = "" if operation.region is None else f" {tell_region(operation.region, state)}"
    told = f"{'larger' if grow else 'smaller'} by {length}{place}"
    return _done(state, new, told, note=note, none=f"{told} changes nothing")


@_apply.register
def _cover(operation: Cover, state: State) -> Done:
    region = operation.region
    where = tell_region(region, state)
    if not operation.wanted:
        gone = state.mask & inside(region, state)
        if not gone.any():
            raise NothingToDo(f"nothing of the mask lies {where}" if state.area else _EMPTY)
        # what lies there stays away also when the mask grows more generous
        low = np.clip(state.evidence - 2 * FARTHEST, -4 * FARTHEST, -1e-3)
        evidence = np.where(inside(region, state), low, state.evidence).astype(np.float32)
        return _done(state, state.with_evidence(evidence), f"taken away what lay {where}")
    weights = weight(region, state)
    here = int(np.count_nonzero(state.mask & (weights >= 1)))
    room = int(np.count_nonzero((weights > 0) & ~state.mask))
    if not room:
        raise NothingToDo(f"all that lies {where} is taken in already")
    base = here or state.area or round(FIRST * state.evidence.size / 0.2)
    pixels = min(crossing(base, operation.amount, more=True), room)
    new = state.with_evidence(shifted(state.evidence, weights, pixels, more=True))
    return _done(state, new, f"taken in what is likeliest {where}")


@_apply.register
def _keep_region(operation: KeepRegion, state: State) -> Done:
    mask = _some(state)
    there = inside(operation.region, state)
    where = tell_region(operation.region, state)
    if not (mask & there).any():
        raise NothingToDo(f"nothing of the mask lies {where}: to keep only that would take everything away")
    new = state.with_evidence(outlines.marked(state.evidence, mask & there, for_good=True))
    return _done(state, new, f"kept only what lies {where}", none=f"all of the mask lies {where} already")


@_apply.register
def _components(operation: Components, state: State) -> Done:
    mask = _some(state)
    parts = Parts.of(mask)
    if operation.which == "spot" and len(parts) < 2:
        raise NothingToDo("there is only one part; say where of it, as 'the upper part of it'")
    chosen = meant(parts, operation)
    if not chosen:
        raise NothingToDo(f"there is no such part: the mask has {_count(len(parts))}")
    picked = parts.mask(chosen)
    wanted = picked if operation.keep else mask & ~picked
    if not wanted.any():
        raise NothingToDo("that would take everything away; say 'remove everything' if that is meant")
    new = state.with_evidence(outlines.marked(state.evidence, wanted, for_good=True))
    told = tell_components(operation, state)
    return _done(state, new, told, none=f"{told}: the mask has {_count(len(parts))}, and nothing changes")


@_apply.register
def _shape(operation: Shape, state: State) -> Done:
    mask = _some(state)
    if operation.how == "smooth":
        wanted, told = outlines.smoothed(mask, operation.amount), "smoothed the outline"
        if not wanted.any():
            raise NothingToDo("the mask is too thin to be smoothed: nothing would be left")
    elif operation.how == "fill":
        wanted, told = outlines.filled(mask), "filled the holes"
    else:
        wanted = outlines.joined(mask, _JOIN * min(state.shape))
        told = f"joined what lay near: {_count(len(Parts.of(wanted)))} now"
    if operation.region is not None:
        wanted = np.where(inside(operation.region, state), wanted, mask)
        told += f" {tell_region(operation.region, state)}"
    new = state.with_evidence(outlines.marked(state.evidence, wanted))
    none = {"smooth": "the outline is smooth already", "fill": "there is no hole", "join": "no part lies near another"}
    return _done(state, new, told, none=none[operation.how])


@_apply.register
def _move(operation: Move, state: State) -> Done:
    mask = _some(state)
    across = operation.to in ("left", "right")
    occupied = np.nonzero(mask.any(axis=0 if across else 1))[0]
    size = int(occupied[-1]) + 1 - int(occupied[0])
    if operation.value is None:
        by: float = max(1.0, outlines.MOVES[operation.amount] * size)
    elif operation.unit == "mm" and state.spacing is not None:
        by = operation.value / state.spacing[1 if across else 0]
    elif operation.unit == "%":
        by = operation.value / 100 * size
    else:
        by = operation.value
    length, note = _length(by, operation.value, operation.unit, state)
    new = state.with_evidence(outlines.moved(state.evidence, operation.to, max(1, round(by))))
    where = {"left": "to the left of the picture", "right": "to the right of the picture", "up": "up", "down": "down"}
    return _done(state, new, f"moved {where[operation.to]} by {length}", note=note)


@_apply.register
def _clear(operation: Clear, state: State) -> Done:
    mask = _some(state)
    return _done(
        state,
        state.with_evidence(outlines.marked(state.evidence, mask & False, for_good=True)),
        "taken everything away",
    )


@_apply.register
def _stroke(operation: Stroke, state: State) -> Done:
    height, width = state.shape
    points = np.asarray(operation.points, np.float64).reshape(-1, 2)
    if not len(points):
        raise NothingToDo("the stroke has no points")
    drawn = np.zeros(state.shape, np.bool_)
    for first, last in zip(points, [*points[1:], points[-1]], strict=True):
        steps = max(2, int(np.ceil(np.abs(last - first).max())) + 1)
        line = np.rint(np.linspace(first, last, steps)).astype(int)
        line = line[(line[:, 0] >= 0) & (line[:, 0] < height) & (line[:, 1] >= 0) & (line[:, 1] < width)]
        drawn[line[:, 0], line[:, 1]] = True
    if not drawn.any():
        raise NothingToDo("the stroke lies outside the picture")
    drawn = ndimage.distance_transform_edt(~drawn) <= operation.radius
    wanted = state.mask | drawn if operation.wanted else state.mask & ~drawn
    new = state.with_evidence(outlines.marked(state.evidence, wanted, for_good=True))
    told = "painted by hand" if operation.wanted else "erased by hand"
    return _done(state, new, told, none="the stroke changes nothing")


def _refined(operation: Point, state: State, refine: Refine) -> Done:
    _within(operation, state)
    clicks = (*state.clicks, Click(operation.row, operation.column, operation.wanted))
    new = refine(replace(state, clicks=clicks))
    return _done(
        state, new, f"{tell_point(operation)}, by the refiner", none=f"{tell_point(operation)} changes nothing"
    )


def _within(operation: Point, state: State) -> None:
    (height, width), row, column = state.shape, operation.row, operation.column
    if not (0 <= row < height and 0 <= column < width):
        raise NothingToDo(f"row {row}, column {column} lies outside the picture of {height} x {width} pixels")


@_apply.register
def _click(operation: Point, state: State) -> Done:
    _within(operation, state)
    (height, width), row, column = state.shape, operation.row, operation.column
    rows, columns = np.ogrid[:height, :width]
    near = (rows - row) ** 2 + (columns - column) ** 2 <= (_CLICK * min(state.shape)) ** 2
    wanted = operation.wanted
    level = float(state.evidence[row, column])
    alike = near & ((state.evidence >= level - 0.5) if wanted else (state.evidence <= level + 0.5))
    labels, _ = ndimage.label(alike)
    picked = labels == labels[row, column]
    mask = state.mask | picked if wanted else state.mask & ~picked
    new = state.with_evidence(outlines.marked(state.evidence, mask, for_good=True))
    new = replace(new, clicks=(*state.clicks, Click(row, column, wanted)))
    return _done(state, new, tell_point(operation), none=f"{tell_point(operation)} changes nothing")


# --- what they share ------------------------------------------------------------------

_EMPTY = "the mask is empty: there is nothing to take away"


def _wide(region: Region | None) -> Region | None:
    """What "at the top" of a mask is, where it is made larger or smaller there: a half of it, and not less."""
    wide = region is not None and region.frame == "mask" and region.extent != "half"
    return replace(region, extent="half") if region is not None and wide else region


def _some(state: State) -> Mask:
    if not state.area:
        raise NothingToDo("the mask is empty; say 'more generous', add a place, or ask for something else")
    return state.mask


def _done(before: State, after: State, told: str, *, note: str = "", none: str = "that changes nothing") -> Done:
    if np.array_equal(before.mask, after.mask):
        raise NothingToDo(none)
    return Done(after, f"{told}{_change(before, after)}{note}")


def _change(before: State, after: State) -> str:
    if not before.area:
        return f" ({after.area} pixels)"
    change = after.area / before.area - 1
    return f" ({after.area} pixels, {change:+.1%})" if after.area else " (the mask is empty now)"


def _length(radius: float, value: float | None, unit: Unit | None, state: State) -> tuple[str, str]:
    """A length in words, and what is to be said about its unit."""
    if unit == "%" and value is not None:
        return f"{value:g} %", ""
    if value is not None and unit == "mm" and state.spacing is None:
        return f"{value:g} pixels", "; the size of a pixel is not known, so millimetres were taken as pixels"
    if value is not None:
        return f"{value:g} {'mm' if unit == 'mm' else 'pixels'}", ""
    return f"{radius:.3g} pixels", ""


def _count(number: int) -> str:
    return "one part" if number == 1 else f"{number} parts"


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def _threshold(new: State, old: State) -> float:
    """The probability at which the whole mask is cut now, after all was moved by one amount."""
    by = float(np.median(new.evidence - old.evidence))
    return float(1 / (1 + np.exp(-(_logit(old.threshold) - by))))
