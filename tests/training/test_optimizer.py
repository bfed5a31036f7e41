"""Groups of parameters, and the rate over the real number of steps."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

import tiny
from lexseg.models import create_model, model_class
from lexseg.training.config import OptimizerConfig
from lexseg.training.optimizer import build_optimizer, parameter_groups
from lexseg.training.recipe import read_recipe

WORDS = {"kind": "word", "vocabulary": ["left", "right"], "width": 16, "layers": 1}


class Layered(tiny.Tiny):
    """Its encoder in three layers."""

    def image_layers(self) -> list[list[nn.Parameter]]:
        conv, norm, _ = self.encoder
        return [[conv.weight], [conv.bias], list(norm.parameters())]


def test_every_parameter_once_with_its_rate_and_decay() -> None:
    model = Layered(text_encoder=WORDS)
    config = OptimizerConfig(lr=1.0, encoder_lr=0.5, layer_decay=0.1, text_lr=0.25, weight_decay=0.3)
    rate = {id(p): group["lr"] for group in parameter_groups(model, config) for p in group["params"]}
    decay = {id(p): group["weight_decay"] for group in parameter_groups(model, config) for p in group["params"]}
    assert set(rate) == {id(p) for p in model.parameters()}
    conv, norm, _ = model.encoder
    assert [rate[id(p)] for p in (conv.weight, conv.bias, norm.weight)] == pytest.approx([0.005, 0.05, 0.5])
    assert model.text_input is not None
    assert rate[id(model.text_input.encoder.embedding.weight)] == 0.25
    assert rate[id(model.head.weight)] == 1.0
    assert (decay[id(model.head.weight)], decay[id(model.head.bias)], decay[id(norm.weight)]) == (0.3, 0.0, 0.0)


@pytest.mark.parametrize(
    "name", ["lsms-lite", "lsms-tiny", "tmca-lite", "fmiseg-lite", "m2snet-lite", "languide-lite", "ddcmd-lite"]
)
def test_scales_and_gates_do_not_decay_whatever_their_shape(name: str) -> None:
    recipe = read_recipe(name)
    arguments = {**recipe.model, "encoder_args": {"pretrained": False}}
    words = {"text_width": 384} if model_class(recipe.method).uses_text else {}
    model = create_model(recipe.method, **arguments, **words)
    named = {id(p): name for name, p in model.named_parameters()}
    decaying, free = set(), set()
    for group in parameter_groups(model, OptimizerConfig(weight_decay=0.1)):
        (decaying if group["weight_decay"] else free).update(named[id(p)] for p in group["params"])
    openings = {n for n in named.values() if n.rpartition(".")[2].startswith(("scale", "gate")) and "code" not in n}
    assert openings <= free
    assert all(dict(model.named_parameters())[n].ndim > 1 for n in decaying)
    weights = {f"{n}.weight" for n, m in model.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))}
    assert weights & set(named.values()) <= decaying


def test_frozen_parameters_are_left_out() -> None:
    model = tiny.Tiny()
    model.encoder.requires_grad_(False)
    names = {group["name"] for group in parameter_groups(model, OptimizerConfig())}
    assert names == {"head", "head/no_decay"}


def test_forgotten_and_doubled_parameters_are_a_fault() -> None:
    model = tiny.Tiny()
    groups = model.parameter_groups()
    for broken in (groups | {"encoder": []}, groups | {"text": groups["head"]}):
        model.parameter_groups = lambda broken=broken: broken  # type: ignore[method-assign]
        with pytest.raises(AssertionError, match="exactly once"):
            parameter_groups(model, OptimizerConfig())


def rates(config: OptimizerConfig, steps: int) -> list[float]:
    optimizer, schedule = build_optimizer(tiny.Tiny(), config, steps)
    out = []
    for _ in range(steps + 1):
        out.append(optimizer.param_groups[-1]["lr"])
        optimizer.step()
        schedule.step()
    return out


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
def test_rate_rises_then_falls_to_its_end_with_the_last_step(schedule: str) -> None:
    config = OptimizerConfig(lr=2.0, warmup=0.1, final_lr=0.01, schedule=schedule)  # type: ignore[arg-type]
    found = rates(config, 100)
    assert found[0] == pytest.approx(0.2)
    assert max(found) == found[9] == pytest.approx(2.0)
    assert all(a >= b for a, b in pairwise(found[10:]))
    assert found[100] == pytest.approx(0.02)
    middle = 0.505 if schedule == "cosine" else 0.01 + 0.99 * 0.5**0.9
    assert found[55] == pytest.approx(2 * middle)


def test_run_of_one_step() -> None:
    assert rates(replace(OptimizerConfig(lr=1.0), warmup=0.0), 1)[0] == pytest.approx(1.0)


def test_sgd_goes_by_its_momentum_and_the_same_rates() -> None:
    """Two steps on a constant gradient of one, by hand; Nesterov looks one step of the momentum ahead."""
    model = tiny.Tiny()
    config = OptimizerConfig(kind="sgd", momentum=0.5, lr=0.1, encoder_lr=0.5, weight_decay=0.0, warmup=0.0)
    optimizer, _ = build_optimizer(model, config, 10)
    assert isinstance(optimizer, torch.optim.SGD)
    encoder = next(model.encoder.parameters())
    for p, rate in ((model.head.weight, 0.1), (encoder, 0.05)):
        start = p.detach().clone()
        for speed in (1.0, 1.5):  # of the momentum after each step
            p.grad = torch.ones_like(p)
            optimizer.step()
            start = start - rate * (1 + 0.5 * speed)
            torch.testing.assert_close(p.detach(), start)
        p.grad = None


def test_gradients_may_be_clipped_in_bfloat16() -> None:
    """A fused optimizer says that it unscales gradients, and Lightning then refuses to clip them."""
    from lightning.pytorch.plugins.precision import MixedPrecision

    model = torch.nn.Linear(2, 1)
    model.parameter_groups = lambda: {"encoder": [], "text": [], "head": [list(model.parameters())]}
    optimizer, _ = build_optimizer(model, OptimizerConfig(), 10)  # type: ignore[arg-type]
    model(torch.ones(1, 2)).sum().mul(100).backward()
    MixedPrecision("bf16-mixed", "cpu").clip_gradients(optimizer, 1.0)
    total = sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None)
    assert total == pytest.approx(1.0, rel=1e-4)
