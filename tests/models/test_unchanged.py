"""Checkpoints outlive the code that made them: what a method's weights are called, and what it answers, stays."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lexseg.models import create_model

from .base import images, jitter, sentences, target
from .test_clipseg import LITE as CLIPSEG
from .test_cris import LITE as CRIS
from .test_ddcmd import SMALL as DDCMD
from .test_fmiseg import SMALL as FMISEG
from .test_languide import SMALL as LANGUIDE
from .test_lsms import LITE as LSMS
from .test_lvit import LITE as LVIT
from .test_reclmis import LITE as RECLMIS
from .test_tmca import SMALL as TMCA

LITE0 = {"encoder": "efficientnet-lite0", "encoder_args": {"pretrained": False}}
ADAPTER = {"text_adapter": {"dim": 16, "dropout": 0.0}}
SMALL: dict[str, dict[str, Any]] = {
    "clipseg": CLIPSEG | ADAPTER,
    "cris": CRIS | ADAPTER,
    "ddcmd": DDCMD | ADAPTER,
    "dynunet": {"filters": [8, 12, 16, 24], "deep_supervision": 2},
    "fmiseg": FMISEG,
    "languide": LANGUIDE | ADAPTER,
    "lsms": LSMS | LITE0,
    "lvit": LVIT,
    "m2snet": LITE0 | {"width": 16, "perceptual_weight": 0.0},
    "reclmis": RECLMIS | ADAPTER,
    "tmca": TMCA,
    "unet": LITE0 | {"widths": [16, 12, 8]},
}
KNOWN = Path(__file__).parent / "unchanged.json"
"""By `told`, when a method was new; checkpoints of it are there since then."""


def told(name: str) -> dict[str, Any]:
    """The names and shapes of a method's weights in their order, its losses, and a cell of its answers."""
    torch.manual_seed(0)
    model = create_model(name, **SMALL[name])
    weights = [(key, list(value.shape)) for key, value in model.state_dict().items()]
    jitter(model)
    model.eval()
    torch.manual_seed(3)
    with torch.no_grad():
        losses = model.training_losses(images(4), sentences(4, null=(3,)), target(4))
        answer = model(images(2), sentences(2))
    numbers = {key: float(value) for key, value in losses.items()} | {"logit": float(answer.logits[1, 0, 20, 30])}
    if answer.presence is not None:
        numbers["there"] = float(answer.presence[1])
    return {"weights": hashlib.sha256(json.dumps(weights).encode()).hexdigest(), "numbers": numbers}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_weights_keep_their_names_and_answers_their_values(name: str) -> None:
    known, now = json.loads(KNOWN.read_text())[name], told(name)
    assert now["weights"] == known["weights"]
    assert now["numbers"] == pytest.approx(known["numbers"], rel=1e-3, abs=1e-4)
