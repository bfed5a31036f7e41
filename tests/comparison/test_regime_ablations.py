"""Plans of the parts of learning regimes."""

from pathlib import Path

import pytest

from lexseg.cli.ablate import _REGIMES
from lexseg.comparison.cells import cells_of
from lexseg.comparison.configuration import train_config
from lexseg.comparison.plan_file import parse_plan
from lexseg.comparison.regime_ablations import PARTS, regime_ablation
from lexseg.models.unet import UNet
from lexseg.training.regimes import create_regime


@pytest.mark.parametrize("kind", sorted(PARTS))
def test_every_variant_is_a_run_that_can_be_made(kind: str, tmp_path: Path) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text("id,image\n", encoding="utf-8")
    data = {"films": {"cases": [str(cases)]}}
    plan = parse_plan(regime_ablation(kind, datasets=data, labels="40", size=64), tmp_path / "plan.yaml")
    assert list(plan.methods)[:3] == ["supervised", "mean-teacher", "self-training"] and plan.reference == "supervised"
    model, kinds, draws = UNet(encoder_args={"pretrained": False}), set(), set()
    for cell in cells_of(plan):
        config = train_config(plan, cell)
        assert config.data.labels == "40"
        kinds.add(config.regime.kind)
        draws.add(config.data.labels_seed)
        assert create_regime(model, config) is not None  # every keyword of every variant is one of the regime's
    beside = {"dec"} if kind == "dec-full" else set()  # its losses without its network
    assert kinds == {"supervised", "mean-teacher", "self-training", kind} | beside and draws == {0, 1, 2}


def test_the_command_knows_them_all() -> None:
    assert sorted(_REGIMES) == sorted(PARTS)
