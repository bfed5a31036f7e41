"""What is told of an answer as JSON."""

from lexseg.outputs.encoding import json_bytes
from lexseg.outputs.endings import NUMBERS_JSON
from lexseg.outputs.formats import Written


def encode(what: Written) -> dict[str, bytes]:
    """``.json`` with all that is told."""
    return {NUMBERS_JSON: json_bytes(what.values)}
