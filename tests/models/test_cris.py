"""CRIS: what every model holds to, its dynamic kernel, and what the faults cost."""

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
    "deep": 48,
    "side": [16, 24],
    "layers": 2,
    "heads": 4,
    "feedforward": 64,
    "dropout": 0.0,
    "upsample": "bilinear",
    "cross_entropy_weight": 1.0,
}


class TestLite(ModelTests):
    name = "cris"
    arguments: ClassVar = LITE
    learning: ClassVar = {"encoder_args": {"pretrained": True}}
