"""M2SNet: its units, its pyramid, its losses, and what the released code's faults cost."""

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.losses.segmentation import cross_entropy_loss
from lexseg.models.m2snet import M2SNet
from lexseg.models.m2snet.subtraction import BoxNorm, SubtractionDecoder, SubtractionUnit
from lexseg.models.parts.unet_decoder import resize
from lexseg.training.config import OptimizerConfig
from lexseg.training.optimizer import parameter_groups

from .base import ModelTests, images, sentences, target
from .overfit import overfit

SMALL = {"encoder_args": {"pretrained": False}, "width": 16, "perceptual_size": 64}


class TestM2SNet(ModelTests):
    name = "m2snet"
    arguments: ClassVar = SMALL


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_published_network_has_its_published_size() -> None:
    """27.7 M parameters, which the paper's table names (fixed filters not counted); five levels make ten units."""
    model = M2SNet(encoder="res2net-50", encoder_args={"pretrained": False}).eval()
    assert count(model) / 1e6 == pytest.approx(27.7, abs=0.05)
    assert sum(isinstance(m, SubtractionUnit) for m in model.modules()) == 10
    with torch.no_grad():
        assert model(images(1), sentences(1)).logits.shape == (1, 1, 64, 64)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_box_is_a_convolution_of_ones_across_all_channels(kernel: int) -> None:
    """As the released code has it: a frozen convolution of all channels to all channels, batch norm, ReLU."""
    x = torch.randn(4, 6, 9, 7, generator=torch.Generator().manual_seed(0))
    ones = nn.Conv2d(6, 6, kernel, padding=kernel // 2, bias=False)
    nn.init.ones_(ones.weight)
    norm, box = nn.BatchNorm2d(6), BoxNorm(6, kernel)
    with torch.no_grad():
        for p, q in ((norm.weight, box.weight), (norm.bias, box.bias)):
            p.copy_(torch.linspace(-1, 2, 6))
            q.copy_(p)
        torch.testing.assert_close(box(x), F.relu(norm(ones(x))), atol=1e-4, rtol=1e-4)
        norm.eval(), box.eval()  # both have seen the same batch
        torch.testing.assert_close(box(x), F.relu(norm(ones(x))), atol=1e-4, rtol=1e-4)


def test_without_boxes_it_is_msnet() -> None:
    model = M2SNet(**SMALL, multi_scale=False, as_published=True).train()
    assert not any(isinstance(m, BoxNorm) for m in model.modules())
    losses = model.training_losses(images(2), sentences(2), target(2))
    assert tuple(losses) == ("bce", "iou", "perceptual")
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_unit_is_blind_to_what_both_levels_share() -> None:
    unit = SubtractionUnit(8, [(f, f) for f in (BoxNorm(8, 3), BoxNorm(8, 5))]).eval()
    a, b = torch.randn(2, 1, 8, 6, 6, generator=torch.Generator().manual_seed(0)).unbind()
    with torch.no_grad():
        assert torch.equal(unit(a, a), unit(b, b))
        assert not torch.equal(unit(a, b), unit(b, b))


def test_the_pyramid_is_the_published_one() -> None:
    """Written out for five levels, in the names of the paper: d543 is what d54 and d43 do not share."""
    torch.manual_seed(0)
    decoder = SubtractionDecoder([8, 12, 16, 20, 24], 8, keep_first=True).eval()
    maps = [torch.randn(2, c, s, s) for c, s in zip((8, 12, 16, 20, 24), (32, 32, 16, 8, 4), strict=True)]
    first, second, third, fourth = decoder.orders
    x1, x2, x3, x4, x5 = (project(m) for project, m in zip(decoder.project, maps, strict=True))
    d21, d32, d43, d54 = first[0](x2, x1), first[1](x3, x2), first[2](x4, x3), first[3](x5, x4)
    d321, d432, d543 = second[0](d32, d21), second[1](d43, d32), second[2](d54, d43)
    d4321, d5432 = third[0](d432, d321), third[1](d543, d432)
    d54321 = fourth[0](decoder.before_last(d5432), d4321)
    level1 = decoder.sums[0](d21 + d321 + d4321 + d54321)
    level2 = decoder.sums[1](d32 + d432 + d5432)
    level3 = decoder.sums[2](d43 + d543)
    y: Tensor = decoder.ups[2](resize(decoder.deepest(maps[4]), (8, 8)) + d54)
    y = decoder.ups[1](resize(y, (16, 16)) + level3)
    y = decoder.ups[0](resize(y, (32, 32)) + level2)
    torch.testing.assert_close(decoder(maps), y + level1)
    assert torch.equal(x1, maps[0])


def statistics_gap(shared: bool) -> float:
    """How far evaluation is from training, once running statistics have met the same maps sixty times."""
    torch.manual_seed(0)
    decoder = SubtractionDecoder([8, 12, 16, 20], 8, shared_norms=shared)
    maps = [torch.randn(4, c, s, s) * (1 + c / 8) for c, s in zip((8, 12, 16, 20), (32, 16, 8, 4), strict=True)]
    with torch.no_grad():
        for _ in range(60):
            trained = decoder.head(decoder(maps))
        evaluated = decoder.eval().head(decoder(maps))
    return float((evaluated - trained).square().mean() / trained.var())


def test_shared_norms_make_another_network_of_the_evaluated_one() -> None:
    """Published: one pair of batch norms for maps of all levels; its running statistics are those of none of them."""
    assert statistics_gap(shared=False) < 0.02
    assert statistics_gap(shared=True) > 0.2


def test_as_published_the_boundary_counts_only_in_the_iou() -> None:
    torch.manual_seed(0)
    right = M2SNet(**SMALL).eval()
    released = M2SNet(**SMALL, as_published=True).eval()
    # not strict: the released one has a single pair of norms
    released.load_state_dict(right.state_dict(), strict=False)
    truth, text = target(4), sentences(4)
    with torch.no_grad():
        for model, same in ((right, False), (released, True)):
            losses = model.training_losses(images(4), text, truth)
            plain = cross_entropy_loss(model(images(4), text).logits, truth)
            assert torch.allclose(losses["bce"], plain) == same


@pytest.mark.parametrize("as_published", [False, True])
def test_as_published_the_encoder_learns_at_the_decoders_rate(as_published: bool) -> None:
    model = M2SNet(**SMALL, as_published=as_published)
    config = OptimizerConfig(lr=1.0, encoder_lr=0.1)
    rate = {id(p): group["lr"] for group in parameter_groups(model, config) for p in group["params"]}
    expected = 1.0 if as_published else 0.1
    assert all(rate[id(p)] == pytest.approx(expected) for p in model.encoder.parameters())
    assert {rate[id(p)] for p in model.decoder.parameters()} == {1.0}


def test_the_frozen_network_stays_frozen_and_outside() -> None:
    model = M2SNet(**SMALL)
    model.train()
    sum(model.training_losses(images(2), sentences(2), target(2)).values()).backward()
    saved = set(model.state_dict())
    before = model.perceptual(images(2))
    model.training_losses(images(2, seed=5), sentences(2), target(2))
    assert all(torch.equal(a, b) for a, b in zip(before, model.perceptual(images(2)), strict=True))
    assert not any("perceptual" in name for name in saved)


def test_the_perceptual_loss_reaches_the_logits_in_measure() -> None:
    """Its gradient is neither nothing nor all: Lite0's maps, as they are, would outweigh the rest a hundredfold."""
    torch.manual_seed(0)
    model = M2SNet(**SMALL).eval()
    losses = model.training_losses(images(2), sentences(2), target(2))
    size = {}
    for name, value in losses.items():
        grads = torch.autograd.grad(value, list(model.decoder.head.parameters()), retain_graph=True)
        size[name] = float(torch.stack([g.norm() for g in grads]).norm())
    assert 0.02 < size["perceptual"] / (size["bce"] + size["iou"]) < 1


@pytest.mark.parametrize(("change", "message"), [
    ({"boundary_kernel": 30}, "boundary_kernel must be odd"),
    ({"encoder": "resnet"}, "no image encoder is called"),
])  # fmt: skip
def test_wrong_keywords_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(Exception, match=message):
        M2SNet(**SMALL, **change)  # type: ignore[arg-type]


def test_a_first_map_of_another_width_cannot_be_kept() -> None:
    with pytest.raises(ValueError, match="only with 8"):
        SubtractionDecoder([12, 12, 12], 8, keep_first=True)
    with pytest.raises(ValueError, match="three levels"):
        SubtractionDecoder([12, 12], 8)


@pytest.mark.slow
def test_the_lite_recipe_learns_eight_films_by_heart(data_root: Path) -> None:
    assert overfit("m2snet-lite", data_root) > 0.7
