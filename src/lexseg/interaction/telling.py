"""What was done, in words."""

from lexseg.interaction.operations import Components, Point, Region, Spot
from lexseg.interaction.state import State

_LINES = {"up": "above", "down": "below", "left": "to the left of", "right": "to the right of"}


def tell_region(region: Region | None, state: State) -> str:
    """Where a region lies, as "in the lower left of the picture"; whose sides they are is said where it matters."""
    if region is None:
        return "anywhere in the picture"
    if region.beyond is not None:
        share = f"taken as the line at {region.line:.0%} of the picture's {_along(region)}; it is not looked for"
        return f"{_LINES[region.beyond]} the {region.name or 'line'} ({share})"
    if region.name:
        return f"where the {region.name} mostly lies ({_spots(region, state)} of the picture; it is not looked for)"
    of = "mask" if region.frame == "mask" and state.area else "picture"
    return f"{_spots(region, state)} of the {of}"


def _spots(region: Region, state: State) -> str:
    what = {"part": "part", "half": "half", "edge": "edge"}[region.extent]
    return " and ".join(f"in the {_spot(spot, state)} {what}" for spot in region.spots)


def tell_components(operation: Components, state: State) -> str:
    """Which parts were kept or dropped."""
    verb = "kept only" if operation.keep else "dropped"
    if operation.which == "spot" and operation.spot is not None:
        return f"{verb} the part farthest to the {_spot(operation.spot, state)} of the picture"
    if operation.which == "specks":
        return f"{verb} the small parts"
    number = "" if operation.count == 1 else f"{operation.count} "
    rank = "" if operation.first == 1 else f"number {operation.first} of the "
    return f"{verb} the {rank}{number}{operation.which} part{'s' if operation.count > 1 else ''}"


def tell_point(operation: Point) -> str:
    """What a click has added or taken away, in words."""
    sign = "taken in" if operation.wanted else "taken away"
    return f"{sign} what lies at row {operation.row}, column {operation.column}"


def _spot(spot: Spot, state: State) -> str:
    """A place, in the picture's own sides, and in the patient's where the user speaks of these."""
    height = {"upper": "upper", "middle": "middle", "lower": "lower", "": ""}[spot.height]
    side = "" if height and spot.side == "centre" else spot.side
    told = " ".join(word for word in (height, side) if word)
    other = {"left": "right", "right": "left"}.get(spot.side)
    return f"{told} (the patient's {other})" if other and state.left == "right" else told


def _along(region: Region) -> str:
    return "height" if region.beyond in ("up", "down") else "width"
