"""CLIPSeg: what every model holds to, that the published graph is transformers' own, and what the faults cost."""

from typing import Any, ClassVar

from .base import WIDTH, ModelTests

LITE: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "freeze_encoder": False,
    "text_width": WIDTH,
    "sentence": "mean",
    "sentence_dim": None,
    "dim": 32,
    "feedforward": 64,
    "residual_film": True,
    "cross_entropy_weight": 1.0,
}


class TestLite(ModelTests):
    name = "clipseg"
    arguments: ClassVar = LITE
    learning: ClassVar = {"encoder_args": {"pretrained": True}}
