"""The overlay as a file."""

from lexseg.outputs.encoding import png
from lexseg.outputs.endings import OVERLAY_PNG
from lexseg.outputs.formats import Written


def encode(what: Written) -> dict[str, bytes]:
    """``_overlay.png``: the frame with what was found drawn in."""
    assert what.picture is not None
    return {OVERLAY_PNG: png(what.picture)}
