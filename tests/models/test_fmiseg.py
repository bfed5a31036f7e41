"""FMISeg: what every model holds to, the wavelet transform, and what the released code's faults do."""

from typing import Any, ClassVar


from .base import WIDTH, ModelTests

SMALL: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "shared_encoder": True,
    "text_width": WIDTH,
    "widths": [32, 24, 16, 16],
    "slots": [4, 4, 4],
    "head_channels": 1,
}


class TestFMISeg(ModelTests):
    name = "fmiseg"
    arguments: ClassVar = SMALL
    learning: ClassVar = {"encoder_args": {"pretrained": True}, "gate": 0.1}


class TestAsPublished(ModelTests):
    """Two encoders, and every fault."""

    name = "fmiseg"
    learns: ClassVar = False
    arguments: ClassVar = SMALL | {"shared_encoder": False, "as_published": True, "head_channels": 4}
