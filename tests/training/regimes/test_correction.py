"""Hide, fill, look again."""

from typing import ClassVar

import pytest
import torch

import tiny
from lexseg.errors import ConfigError, ModelError
from lexseg.models import create_model
from lexseg.models.corrected import Corrected
from lexseg.models.corrected.gates import Gates, encoder_gives, pyramid_of
from lexseg.training.config import DataConfig, RegimeConfig, TrainConfig, TrainerConfig
from lexseg.training.regimes import create_regime
from lexseg.training.regimes.base import Regime

from .base import STEPS, WORDS, RegimeTests, images, labelled, said, unlabelled

ENCODER = {"pretrained": False}


class TestCorrection(RegimeTests):
    kind = "correction"

    def network(self) -> tiny.TinyPyramid:
        torch.manual_seed(0)
        model = tiny.TinyPyramid(text_encoder=WORDS)
        with torch.no_grad():  # finds a part of every image
            model.head.bias -= model(images(), said(*[None] * 4)).logits.median()
        return model

    def test_unlabelled_images_teach_the_segmentation_decoder_nothing(self) -> None:
        regime = self.build(ramp=0.0)
        regime.filling(unlabelled()).backward()
        model = regime.model
        assert any(p.grad is not None and p.grad.any() for p in model.encoder.parameters())
        assert all(p.grad is None for p in [*model.text_input.parameters(), *model.head.parameters()])
        learnt = (regime.twice.gates, regime.inpainter)
        assert all(any(p.grad.any() for p in module.parameters()) for module in learnt)

    def test_an_empty_mask_fills_nothing(self) -> None:
        regime = self.build()
        with torch.no_grad():
            regime.model.head.weight.zero_()
            regime.model.head.bias.fill_(-5)
        assert float(regime.filling(unlabelled()).detach()) == 0

    def test_every_second_labelled_batch_passes_the_gates(self) -> None:
        regime = self.build(args=self.args | {"inpaint": False})
        for step, passes in ((0, False), (STEPS - 2, True), (STEPS - 1, False)):
            regime.model.zero_grad(), regime.twice.gates.zero_grad()
            torch.stack(list(regime.losses(labelled(), unlabelled(), step).values())).sum().backward()
            assert any(p.grad is not None and bool(p.grad.any()) for p in regime.twice.gates.parameters()) == passes

    def test_running_statistics_follow_what_the_saved_model_looks_at(self) -> None:
        """What is hidden moves them only where the saved model hides, too."""
        moved = []
        for finds in (True, False):  # and where nothing is found, nothing is hidden
            regime = self.build()
            if not finds:
                torch.nn.init.constant_(regime.model.head.bias, -50.0)
            regime.losses(labelled(), unlabelled(), STEPS - 2)
            moved.append(torch.cat([stage[1].running_mean for stage in regime.model.encoder.stages]))
        assert torch.equal(*moved) == (not self.args)

    @pytest.mark.parametrize("part", ["gated", "inpaint"])
    def test_each_part_can_be_switched_off(self, part: str) -> None:
        if part == "gated" and self.args:
            pytest.skip("what is kept must be trained")
        regime = self.build(args=self.args | {part: False})
        losses = regime.losses(labelled(), unlabelled(), STEPS - 2)
        assert ("inpainting" in losses) == (part != "inpaint")

    def test_the_network_is_as_it_was(self) -> None:
        """What is put in the encoder's place goes away again, also after an error."""
        regime = self.build()
        regime.model.eval()
        before = regime.model(images(), said(*[None] * 4)).logits
        regime.losses(labelled(), unlabelled(), STEPS - 2)
        with pytest.raises(RuntimeError), encoder_gives(regime.model, []):
            raise RuntimeError
        torch.testing.assert_close(regime.model(images(), said(*[None] * 4)).logits, before)

    def test_models_without_a_pyramid(self) -> None:
        config = TrainConfig(
            data=DataConfig(size=64), trainer=TrainerConfig(steps=4), regime=RegimeConfig(kind=self.kind)
        )
        with pytest.raises(ModelError, match="the tiny at hand has"):
            create_regime(tiny.Tiny(), config)


class TestBoth(TestCorrection):
    """The gates are kept: what is trained and saved looks twice."""

    args: ClassVar = {"correct": "both"}

    def test_what_is_saved_is_the_model_alone(self, regime: Regime) -> None:
        saved = regime.finish()
        assert saved is regime.network() and isinstance(saved, Corrected) and saved.base is regime.model
        own = {id(p) for module in regime.modules().values() for p in module.parameters()}
        assert not own & {id(p) for p in saved.parameters()}
        assert {id(p) for p in saved.gates.parameters()} <= {id(p) for p in saved.parameter_groups()["head"][0]}

    def test_the_second_look_is_the_answer(self, regime: Regime) -> None:
        """And where nothing was found to be hidden, it is the gates' answer to twice the same maps."""
        network, image, text = regime.network().eval(), images(), said(*[None] * 4)
        with torch.no_grad():
            first = regime.model.eval()(image, text).logits
            found = network(image, text)
            torch.testing.assert_close(found.maps["first look"], first.sigmoid())
            assert not torch.allclose(found.logits, first)
            regime.model.head.bias.fill_(-50)
            maps = network.pyramid(image)
            with encoder_gives(regime.model, network.gates(maps, maps)):
                wanted = regime.model(image, text).logits
            torch.testing.assert_close(network(image, text).logits, wanted)

    def test_an_image_does_not_depend_on_its_company(self, regime: Regime) -> None:
        network, image = regime.network().eval(), images()
        with torch.no_grad():
            together = network(image, said(*[None] * 4)).logits
            alone = torch.cat([network(one[None], said(None)).logits for one in image])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)

    def test_both_without_gates(self) -> None:
        with pytest.raises(ConfigError, match="both needs gated: true"):
            self.build(args={"correct": "both", "gated": False})


def test_closed_gates_leave_the_first_look() -> None:
    gates = Gates([4, 8])
    for level in gates.levels:
        torch.nn.init.zeros_(level[1].weight), torch.nn.init.constant_(level[1].bias, -50.0)
    maps = [torch.randn(2, c, 8, 8) for c in (4, 8)]
    for found, given in zip(gates(maps, [m + 1 for m in maps]), maps, strict=True):
        torch.testing.assert_close(found, given)


@pytest.mark.parametrize("name", ["unet", "m2snet", "tmca", "languide"])
def test_methods_that_have_a_pyramid(name: str) -> None:
    arguments = {"encoder": "efficientnet-lite0", "encoder_args": ENCODER}
    extra = {"text_width": 16} if name in ("tmca", "languide") else {"perceptual_weight": 0} if name == "m2snet" else {}
    assert pyramid_of(create_model(name, **arguments, **extra)).channels == (24, 40, 112, 320)
