"""Two scales, two lights, cross-generation."""

from typing import ClassVar

import pytest
import torch

from .base import STEPS, RegimeTests, images, labelled, unlabelled


def gradients(regime, term: str) -> dict[str, bool]:
    """Which of the regime's modules, and whether the model, the term excites."""
    for p in [*regime.model.parameters(), *regime.parameters()]:
        p.grad = None
    regime.losses(labelled(), unlabelled(), STEPS)[term].backward()
    parts = {"model": regime.model, **regime.modules()}
    return {k: any(p.grad is not None and bool(p.grad.any()) for p in m.parameters()) for k, m in parts.items()}


class TestDualScale(RegimeTests):
    kind = "dec"

    def test_each_term_excites_what_it_should(self) -> None:
        regime = self.build(ramp=0.0)
        for term in ("half", "fused", "scales", "lights"):
            assert gradients(regime, term) == {"model": True, "generators": False}, term
        assert gradients(regime, "generation") == {"model": True, "generators": True}

    @pytest.mark.parametrize("part", ["scales", "lights", "generation"])
    def test_each_part_can_be_switched_off(self, part: str) -> None:
        regime = self.build(args={part: False})
        losses = regime.losses(labelled(), unlabelled(), 3)
        assert part not in losses and set(losses) == set(regime.loss_names)
        assert ("half" in losses) == (part != "scales")

    def test_all_off_is_supervised(self) -> None:
        regime = self.build(args={"scales": False, "lights": False, "generation": False})
        assert set(regime.losses(labelled(), unlabelled(), 3)) == set(regime.model.loss_names)

    def test_half_is_a_multiple_of_the_stride(self) -> None:
        regime = self.build()
        sizes = {352: 192, 256: 128, 128: 64, 96: 64, 64: 32, 32: 32}
        assert {side: regime.half_size((side, side))[0] for side in sizes} == sizes

    def test_running_statistics_follow_full_scale_alone(self) -> None:
        """The model is asked at full scale: another half scale leaves them, another full scale does not."""
        found = []
        for full, half in ((0, 1), (0, 2), (3, 1)):
            regime = self.build()
            logits = regime.answers(images(seed=full), images(seed=half), labelled().text)
            found.append((regime.model.encoder[1].running_mean, logits[1].detach()))
        one, other_half, other_full = found
        assert torch.equal(one[0], other_half[0]) and not torch.equal(one[0], other_full[0])
        assert not torch.equal(one[1], other_half[1])  # it was looked at

    def test_the_generator_never_sees_the_words(self) -> None:
        """Other words with the same logits make the same image: nothing but logits goes in."""
        regime = self.build()
        made = regime.generators[0].eval()(torch.randn(2, 1, 64, 64))
        assert made.shape == (2, 3, 64, 64)
        first = regime.generators[0].downs[0][0]
        assert first.in_channels == 1

    def test_a_blank_mask_and_a_mean_image_solve_the_generation_alone(self) -> None:
        """The trap of the method: a generator that is given nothing but a blank mask comes down to the mean image."""
        torch.manual_seed(0)
        generator = self.build().generators[0]
        image = 0.4 + 0.2 * images(4)
        optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
        for _ in range(60):
            loss = (generator(torch.zeros(4, 1, 64, 64)) - image).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert float(loss.detach()) < 1.3 * float((image - image.mean((0, 2, 3), keepdim=True)).square().mean())


class TestAlone(RegimeTests):
    kind = "dec"
    args: ClassVar = {"generation": False}
