"""Two scales with a decoder each, and one that reads both."""

from typing import ClassVar

import pytest
import torch

import tiny
from lexseg.errors import ModelError
from lexseg.models import create_model
from lexseg.models.two_scales import TwoScales
from lexseg.models.two_scales.fusion import CrossLevelFusion, ScaleFusion
from lexseg.training.regimes.base import Regime

from .base import STEPS, RegimeTests, images, labelled, said, unlabelled
from .test_dec import gradients


class TestDualScaleFull(RegimeTests):
    kind = "dec-full"
    args: ClassVar = {"generation": False}  # which is as in `dec`, and takes the most time

    def network(self) -> tiny.TinyUNet:
        torch.manual_seed(0)
        return tiny.TinyUNet()

    def test_what_is_saved_is_the_model_alone(self, regime: Regime) -> None:
        saved = regime.finish()
        assert saved is regime.network() and isinstance(saved, TwoScales) and saved.base is regime.model
        own = {id(p) for module in regime.modules().values() for p in module.parameters()}
        assert not own & {id(p) for p in saved.parameters()}

    def test_every_weight_of_the_network_learns_from_masks(self, regime: Regime) -> None:
        network = regime.network().train()
        torch.stack(
            list(network.training_losses(images(), said(*[None] * 4), labelled().target).values())
        ).sum().backward()
        assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())

    def test_each_term_excites_what_it_should(self) -> None:
        regime = self.build(args={}, ramp=0.0)
        for term in ("full", "half", "fused", "scales", "lights"):
            assert gradients(regime, term) == {"model": True, "generators": False}, term
        assert gradients(regime, "generation") == {"model": True, "generators": True}

    @pytest.mark.parametrize("part", ["scales", "lights", "generation"])
    def test_each_part_can_be_switched_off(self, part: str) -> None:
        regime = self.build(args={part: False})
        losses = regime.losses(labelled(), unlabelled(), STEPS - 1)
        assert part not in losses and set(losses) == set(regime.loss_names) > {"full", "half", "fused"}

    def test_the_answer_is_the_fused_one(self, regime: Regime) -> None:
        network, image = regime.network().eval(), images()
        with torch.no_grad():
            _, _, fused = network.answers(network.encode_image(image))
            torch.testing.assert_close(network(image, said(*[None] * 4)).logits, fused)

    def test_the_half_scale_sees_the_other_light(self, regime: Regime) -> None:
        network, image = regime.network().eval(), images()
        with torch.no_grad():
            one, other = (network.answers(network.encode_scales(image, small)) for small in (image, image * 0.5))
        torch.testing.assert_close(one[0], other[0])
        assert not torch.equal(one[1], other[1]) and not torch.equal(one[2], other[2])

    def test_two_sentences_about_an_image_have_an_answer_each(self, regime: Regime) -> None:
        found = regime.answers(images(2), images(2), said(*[None] * 4))
        assert all(each.shape == (4, 1, 64, 64) for each in found)

    def test_models_with_another_decoder(self) -> None:
        with pytest.raises(ModelError, match="take the regime dec"):
            TwoScales.around(tiny.TinyPyramid())


def test_an_m2snet_has_two_scales_too() -> None:
    model = create_model("m2snet", encoder_args={"pretrained": False}, width=8, perceptual_weight=0.0)
    network = TwoScales.around(model).eval()
    with torch.no_grad():
        found = network.answers(network.encode_image(images(2)))
    assert all(each.shape == (2, 1, 64, 64) and each.isfinite().all() for each in found)


def test_gates_of_two_scales_choose() -> None:
    fusion = ScaleFusion(4).eval()
    full, half = torch.rand(1, 4, 8, 8), torch.rand(1, 4, 4, 4)
    for channel, other in ((0, 1), (1, 0)):
        torch.nn.init.zeros_(fusion.gates.weight)
        with torch.no_grad():
            fusion.gates.bias[channel], fusion.gates.bias[other] = 50.0, -50.0
            a, b = fusion.of_full(full), fusion.of_half(torch.nn.functional.interpolate(half, (8, 8), mode="bilinear"))
            wanted = (fusion.full_again(a + b.sigmoid() * b), fusion.half_again(b + a.sigmoid() * a))[channel]
            torch.testing.assert_close(fusion(full, half), wanted)


def test_neighbours_have_the_shallower_size() -> None:
    found = CrossLevelFusion(6, 10, 12)(torch.rand(2, 6, 16, 16), torch.rand(2, 10, 8, 8))
    assert found.shape == (2, 12, 16, 16)
