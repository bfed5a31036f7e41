"""What can be done to a mask, as values that can be written down, read back and compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lexseg.errors import DataError

Amount = Literal["slight", "usual", "fair", "much", "vast"]
Unit = Literal["mm", "px", "%"]
Direction = Literal["left", "right", "up", "down"]
Frame = Literal["image", "mask"]
Extent = Literal["part", "half", "edge"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the picture. Attributes: side: "left", "right", "centre" or "" of the picture; height: "upper" etc."""

    side: Literal["left", "right", "centre", ""] = ""
    height: Literal["upper", "middle", "lower", ""] = ""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the picture, in the picture's own sides.

    Attributes:
        spots: it is all of these together; none is the whole picture.
        frame: what is divided: the image, or the box around the mask.
        extent: how far it reaches into that frame.
        beyond: instead of spots, all that lies on this side of a line: ``up`` is above it.
        line: where the line lies, as a share of the image's height (``up``, ``down``) or width, from the top or left.
        name: what the user called the line.
    """

    spots: tuple[Spot, ...] = ()
    frame: Frame = "image"
    extent: Extent = "part"
    beyond: Direction | None = None
    line: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Take in what the network was less sure of, or leave out what it was least sure of."""

    more: bool
    amount: Amount = "usual"
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """Set the probability from which on a pixel belongs to the mask. Attributes: value: 0 < t < 1."""

    value: float


@dataclass(frozen=True, slots=True)
class Resize:
    """Move the outline outwards or inwards, by an amount in words or a length; in a region only if one is given."""

    grow: bool
    amount: Amount = "usual"
    value: float | None = None
    unit: Unit | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """Take in a region, or take it away."""

    region: Region
    wanted: bool
    amount: Amount = "usual"


@dataclass(frozen=True, slots=True)
class KeepRegion:
    """Take away all that lies outside a region."""

    region: Region


@dataclass(frozen=True, slots=True)
class Components:
    """Keep some connected parts of the mask and drop the others, or drop some.

    Attributes:
        keep: whether they are kept, or dropped.
        which: ``largest`` and ``smallest`` by area; ``specks`` are all that are far smaller than the largest; ``spot``
            is the one that lies farthest to a side or a height.
        count: how many, of the largest or smallest.
        first: from which rank on, from 1: the second largest is ``first=2``.
        spot: where, for ``spot``.
    """

    keep: bool
    which: Literal["largest", "smallest", "specks", "spot"]
    count: int = 1
    first: int = 1
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """Smooth the outline, fill the holes, or join what lies near."""

    how: Literal["smooth", "fill", "join"]
    amount: Amount = "usual"
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Move the mask by rows and columns; what leaves the image is lost."""

    to: Direction
    amount: Amount = "usual"
    value: float | None = None
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """Empty the mask."""


@dataclass(frozen=True, slots=True)
class Retarget:
    """Ask the same image for something else. Attributes: sentence: all that is asked now, in the user's sides."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke of a brush or an eraser.

    Attributes:
        points: (row, column) in pixels, along the stroke.
        radius: of the brush, in pixels.
        wanted: brush, or eraser.
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    wanted: bool


@dataclass(frozen=True, slots=True)
class Point:
    """A click: what the pixel lies in is wanted, or is not. Attributes: row, column: of the pixel; wanted."""

    row: int
    column: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Control:
    """Not about the mask but about the corrections. Attributes: do: what; times: how often, for undo and redo."""

    do: Literal["undo", "redo", "reset", "repeat", "accept"]
    times: int = 1


Operation = (
    Confidence | Threshold | Resize | Cover | KeepRegion | Components | Shape | Move | Clear | Retarget | Stroke | Point
)
KINDS: Mapping[str, type] = {kind.__name__.lower(): kind for kind in get_args(Operation)}


def to_json(operation: Operation) -> dict[str, Any]:
    """An operation as plain JSON values."""
    return {"kind": type(operation).__name__.lower(), **asdict(operation)}


def from_json(values: object) -> Operation:
    """An operation that :func:`to_json` wrote.

    Raises:
        DataError: if it is none.
    """
    if not isinstance(values, Mapping) or values.get("kind") not in KINDS:
        raise DataError(f"no correction of a mask; its 'kind' must be one of {', '.join(KINDS)}")
    kind = KINDS[str(values["kind"])]
    made: Operation = _build(kind, {key: value for key, value in values.items() if key != "kind"})
    return made


def _build(kind: type, values: object) -> Any:
    if not isinstance(values, Mapping):
        raise DataError(f"a correction's {kind.__name__.lower()} must be an object")
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    if unknown := set(values) - known:
        raise DataError(f"a correction of kind {kind.__name__.lower()} has no {', '.join(sorted(map(str, unknown)))}")
    try:
        return kind(**{name: _value(hints[name], value) for name, value in values.items()})
    except TypeError as error:
        raise DataError(f"a correction of kind {kind.__name__.lower()} lacks a value: {error}") from None


def _value(hint: Any, value: Any) -> Any:
    """A JSON value as a field's type; DataError where it is none."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value in choices:
            return value
    elif origin is tuple and isinstance(value, list | tuple):
        each = choices[:1] * len(value) if choices[-1] is Ellipsis else choices
        if len(each) == len(value):
            return tuple(_value(h, v) for h, v in zip(each, value, strict=True))
    elif choices and (origin is Union or type(None) in choices):
        if value is None and type(None) in choices:
            return None
        return _value(next(c for c in choices if c is not type(None)), value)
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf"):
            return float(value)
    elif hint is int or hint is bool or hint is str:
        if type(value) is hint:
            return value
    elif isinstance(hint, type):
        return _build(hint, value)
    raise DataError(f"a correction holds {value!r} where it cannot stand")
