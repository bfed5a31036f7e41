"""What is true of a target, what is false, and what cannot be said for sure (``None``).

Between true and false lies a band in which people would disagree: a centroid close to the midline, a target that
reaches into two zones, one neither small nor large. An expression that meets such a target is given up. Targets too
small to be spoken of alone are never in doubt: they belong where their centroid lies.
"""

from typing import Literal

from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.attributes import Referent

Side = Literal["left", "right"]
Zone = Literal["upper", "middle", "lower"]
Column = Literal["left", "center", "right"]
Size = Literal["small", "large"]
Shape = Literal["round", "irregular", "elongated"]
Brightness = Literal["bright", "dark"]
Truth = bool | None

ZONES: tuple[Zone, ...] = ("upper", "middle", "lower")
COLUMNS: tuple[Column, ...] = ("left", "center", "right")

MARGIN = 0.03
"""How far from a border a centroid must lie, as a share of the frame."""
MOSTLY, BARELY = 0.6, 0.12
"""Share of a target in a third at which it is there, and up to which it is not."""
ON_A_SIDE = 0.8
"""Share of a target in a half of the image at which it is on that side."""
BAND = 1.25
"""Factor about a limit of size within which a target is neither."""


def on_side(target: Referent, side: Side) -> Truth:
    """Whether a target lies in a half of the image."""
    if target.speck:
        return (target.x < 0.5) == (side == "left")
    if abs(target.x - 0.5) < MARGIN:
        return None
    actual: Side = "left" if target.x < 0.5 else "right"
    share = target.left if actual == "left" else 1 - target.left
    return actual == side if share >= ON_A_SIDE else None


def in_zone(target: Referent, zone: Zone) -> Truth:
    """Whether a target lies in a third of the frame's height."""
    return _in_third(target, target.frame_y, target.rows, ZONES.index(zone))


def in_column(target: Referent, column: Column) -> Truth:
    """Whether a target lies in a third of the frame's width."""
    return _in_third(target, target.frame_x, target.columns, COLUMNS.index(column))


def _in_third(target: Referent, place: float, shares: tuple[float, float, float], third: int) -> Truth:
    if target.speck:
        return shares.index(max(shares)) == third
    inside = min(place - third / 3 if third else 1.0, (third + 1) / 3 - place if third < 2 else 1.0)
    if shares[third] >= MOSTLY:
        return True if inside >= MARGIN else None
    return False if shares[third] <= BARELY and inside <= -MARGIN else None


def of_size(target: Referent, size: Size, anatomy: Anatomy) -> Truth:
    """Whether a target is small or large for its anatomy; of a piece nobody knows."""
    if not target.whole:
        return None
    if target.speck:
        return size == "small"
    if size == "small":
        return _below(target.fraction, anatomy.small / BAND, anatomy.small * BAND)
    return _not(_below(target.fraction, anatomy.large / BAND, anatomy.large * BAND))


def of_shape(target: Referent, shape: Shape) -> Truth:
    """Whether a target is round, elongated or irregular; specks and pieces have no shape."""
    if not target.describable:
        return None
    slim = _not(_below(target.elongation, 1.9, 2.4))
    stout = _below(target.elongation, 1.35, 1.6)
    smooth = _not(_below(target.fill, 0.86, 0.94))
    if shape == "elongated":
        return both(slim, _not(_below(target.fill, 0.72, 0.84)))
    return both(stout, smooth) if shape == "round" else _below(target.fill, 0.74, 0.84)


def longer_than(target: Referent, millimetres: float) -> Truth:
    """Whether a target is longer than so many millimetres; ``None`` where the spacing is unknown."""
    if target.length_mm is None or not target.whole:
        return None
    return _not(_below(target.length_mm, 0.9 * millimetres, 1.1 * millimetres))


def of_brightness(target: Referent, brightness: Brightness) -> Truth:
    """Whether a target is brighter or darker than the ring around it."""
    if target.contrast is None:
        return None
    contrast = target.contrast if brightness == "bright" else -target.contrast
    return _not(_below(contrast, 0.0, 0.08))


def both(first: Truth, second: Truth) -> Truth:
    """And: false if either is false, else unsure if either is unsure."""
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _below(value: float, surely: float, surely_not: float) -> Truth:
    if value <= surely:
        return True
    return False if value >= surely_not else None
