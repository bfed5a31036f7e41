"""How a place is said: before the noun ("left-sided ...") or after it ("... in the left lung").

``{s}`` stands for left or right, ``{S}`` for L or R, ``{z}`` for a zone, ``{w}`` for what the grid divides.
"""

from dataclasses import dataclass

from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.query import Query


@dataclass(frozen=True, slots=True)
class Places:
    """Ways to say one place. Attributes: before: the noun; after: the noun."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


NOWHERE = Places(after=("",))
LUNGS = Places(after=("", "", "in the lungs", "of the lungs", "within the lungs"))

LUNG = {
    "side": Places(
        before=(
            "{s} lung",
            "{s}-sided",
            "{s} sided",
            "{s} pulmonary",
            "{s} hemithorax",
            "{s}",
            "{S} lung",
            "{s}-lung",
        ),
        after=(
            "in the {s} lung",
            "on the {s}",
            "on the {s} side",
            "in the {s} hemithorax",
            "of the {s} lung",
            "within the {s} lung",
            "in the {s} lung field",
            "in the {s} chest",
            "involving the {s} lung",
            "affecting the {s} lung",
            "projecting over the {s} lung",
            "in the {S} lung",
            "throughout the {s} lung",
            "seen in the {s} lung",
            "on the {s} side of the chest",
        ),
    ),
    "side+upper": Places(
        before=(
            "{s} upper zone",
            "{s} upper lung",
            "{s} upper lobe",
            "{S}UL",
            "{S}UZ",
            "{s} apical",
            "upper {s} lung",
            "{s} upper lung zone",
        ),
        after=(
            "in the {s} upper zone",
            "in the {s} upper lung zone",
            "in the upper {s} lung",
            "in the upper zone of the {s} lung",
            "in the {s} upper lobe",
            "at the {s} apex",
            "in the {S}UL",
            "in the {s} upper lung",
            "in the upper third of the {s} lung",
            "on the {s}, in the upper zone",
            "in the {s} upper lung field",
        ),
    ),
    "side+middle": Places(
        before=(
            "{s} mid zone",
            "{s} middle zone",
            "{s} mid lung",
            "{S}MZ",
            "middle {s} lung",
            "{s} midzone",
            "{s} mid lung zone",
        ),
        after=(
            "in the {s} mid zone",
            "in the {s} middle zone",
            "in the middle {s} lung",
            "in the middle zone of the {s} lung",
            "in the {s} mid lung",
            "in the {s} midzone",
            "in the {s} mid lung zone",
            "in the middle third of the {s} lung",
            "on the {s}, in the mid zone",
            "in the {s} mid lung field",
        ),
    ),
    "side+lower": Places(
        before=(
            "{s} lower zone",
            "{s} lower lung",
            "{s} lower lobe",
            "{S}LL",
            "{S}LZ",
            "{s} basal",
            "lower {s} lung",
            "{s} lower lung zone",
            "{s} lung base",
        ),
        after=(
            "in the {s} lower zone",
            "in the {s} lower lung zone",
            "in the lower {s} lung",
            "in the lower zone of the {s} lung",
            "in the {s} lower lobe",
            "at the {s} base",
            "at the {s} lung base",
            "in the {S}LL",
            "in the {s} lower lung",
            "in the lower third of the {s} lung",
            "on the {s}, in the lower zone",
            "in the {s} lower lung field",
        ),
    ),
    "upper": Places(
        before=("upper zone", "upper lung", "upper lung zone", "apical"),
        after=(
            "in the upper zones",
            "in the upper lung zones",
            "in the upper lungs",
            "in the upper third of the lungs",
        ),
    ),
    "middle": Places(
        before=("mid zone", "middle zone", "mid lung"),
        after=("in the mid zones", "in the middle lung zones", "in the mid lungs", "in the middle third of the lungs"),
    ),
    "lower": Places(
        before=("lower zone", "lower lung", "lower lung zone", "basal"),
        after=(
            "in the lower zones",
            "in the lower lung zones",
            "in the lower lungs",
            "in the lower third of the lungs",
        ),
    ),
    "both": Places(
        before=("bilateral", "bilateral pulmonary", "bilateral lung"),
        after=("in both lungs", "on both sides", "bilaterally", "of both lungs", "in the left and right lung"),
    ),
    "both+upper": Places(
        before=("biapical", "bilateral upper zone", "bilateral upper lung"),
        after=("in both upper zones", "at both apices", "in the upper zones of both lungs", "in both upper lobes"),
    ),
    "both+middle": Places(
        before=("bilateral mid zone", "bilateral mid lung"),
        after=("in both mid zones", "in the middle zones of both lungs", "in both mid lungs"),
    ),
    "both+lower": Places(
        before=("bibasal", "bilateral lower zone", "bilateral basal", "bilateral lower lung"),
        after=("in both lower zones", "at both bases", "at both lung bases", "in both lower lobes"),
    ),
}
# the left lung has no middle lobe
RIGHT_MIDDLE_LOBE = Places(before=("RML", "right middle lobe"), after=("in the RML", "in the right middle lobe"))

_HIGH = {"upper": ("upper", "top"), "lower": ("lower", "bottom")}
_GRID_SIDE = Places(
    before=("{s}-sided", "{s}"),
    after=(
        "on the {s}",
        "on the {s} side",
        "in the {s} half",
        "in the {s} half of the {w}",
        "on the {s} side of the {w}",
        "in the {s} part of the {w}",
        "at the {s} of the {w}",
        "to the {s}",
        "on the {s}-hand side",
    ),
)
_GRID_BOTH = Places(before=(), after=("on both sides", "on both sides of the {w}", "in both halves of the {w}"))
_CENTER = Places(
    before=("central", "centrally located"),
    after=("in the center", "in the center of the {w}", "in the middle of the {w}", "at the center of the {w}"),
)


def one_sided(query: Query, anatomy: Anatomy) -> Places:
    """Ways to say where a query looks that have no mirror image."""
    middle = anatomy.layout == "lungs" and query.side == "right" and query.zone == "middle"
    return RIGHT_MIDDLE_LOBE if middle else Places()


def places(query: Query, anatomy: Anatomy) -> Places:
    """The ways to say where a query looks."""
    if anatomy.layout == "lungs":
        if query.column is not None:
            raise ValueError("lungs have no columns")
        return _lung_places(query)
    found = _grid_places(query)
    if anatomy.framed and (query.zone is not None or query.column is not None):
        # "the upper left" is the image's unless it is said of what
        return Places((), tuple(words for words in found.after if "{w}" in words))
    return found


def _lung_places(query: Query) -> Places:
    if query.count == "both":
        return LUNG["both" if query.zone is None else f"both+{query.zone}"]
    if query.side is None:
        return LUNGS if query.zone is None else LUNG[query.zone]
    return LUNG["side" if query.zone is None else f"side+{query.zone}"]


def _grid_places(query: Query) -> Places:
    across, down = query.column or query.side, query.zone
    if query.count == "both":
        return _GRID_BOTH
    if across is None and down is None:
        return NOWHERE
    if down is None:
        return _GRID_SIDE if across != "center" else _column_center()
    if across is None:
        return _row(down)
    if across == "center":
        return _CENTER if down == "middle" else _cell(_HIGH[down], "center")
    if down == "middle":
        before = ("mid-{s}", "middle {s}")
        return Places(
            before, ("in the middle {s}", "in the middle {s} of the {w}", "halfway down on the {s} of the {w}")
        )
    found = _cell(_HIGH[down], "{s}")
    return Places((*found.before, f"{_HIGH[down][0]}-{{s}}"), (*found.after, f"in the {_HIGH[down][0]} {{s}} quadrant"))


def _cell(words: tuple[str, ...], across: str) -> Places:
    after: list[str] = []
    for word in words:
        after += [
            f"in the {word} {across}",
            f"in the {word} {across} of the {{w}}",
            f"at the {word} {across}",
            f"in the {word} {across} part of the {{w}}",
        ]
    return Places(tuple(f"{word} {across}" for word in words), tuple(after))


def _row(zone: str) -> Places:
    if zone == "middle":
        return Places((), ("halfway down the {w}", "in the middle third of the {w}"))
    word, other = _HIGH[zone]
    after = (f"at the {other}", f"in the {word} third of the {{w}}", f"at the {other} of the {{w}}")
    return Places((), (*after, f"in the {word} part of the {{w}}"))


def _column_center() -> Places:
    return Places((), ("in the central third of the {w}", "midway between left and right in the {w}"))
