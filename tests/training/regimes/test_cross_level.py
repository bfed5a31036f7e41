"""Patches against the whole."""

import pytest
import torch

from lexseg.errors import ConfigError
from lexseg.training.regimes.cross_level import cut

from .base import STEPS, RegimeTests, labelled, said, unlabelled


class TestCrossLevel(RegimeTests):
    kind = "cross-level"

    def test_contrast_comes_first_and_then_consistency(self) -> None:
        regime = self.build()
        for step in range(STEPS):
            losses = regime.losses(labelled(), unlabelled(), step)
            quiet = "consistency" if step < round(STEPS / 3) else "contrast"
            assert float(losses[quiet].detach()) == 0

    def test_no_embedding_of_a_patch_is_taught_and_no_answer_of_the_whole(self) -> None:
        regime = self.build()
        pairs = unlabelled()
        regime.contrast_loss(pairs.image, pairs.text, pairs.valid).backward()
        assert regime.projector[0].weight.grad.any() and regime.model.encoder[0].weight.grad.any()
        # of one patch an image the contrast is with nothing: log 1
        regime.grid = 1
        assert float(regime.contrast_loss(pairs.image, pairs.text, pairs.valid).detach()) == pytest.approx(0, abs=1e-6)

    def test_statistics_of_patches_are_not_kept(self) -> None:
        """Batch norms of validation follow whole images alone."""
        regime = self.build(ramp=0.0)
        norm = regime.model.encoder[1]
        pairs = unlabelled()
        before = norm.running_mean.clone()
        with torch.no_grad():
            regime.model.eval()(*regime.patches(pairs.image, pairs.text))
            regime.model.train()
            regime.model(pairs.image, pairs.text)  # what the whole alone does to them
        whole = norm.running_mean.clone()
        norm.running_mean.copy_(before)
        regime.consistency_loss(pairs.image, pairs.text, pairs.valid)
        assert torch.equal(norm.running_mean, whole) and norm.training

    def test_consistency_is_a_mean_of_pixels(self) -> None:
        """Not the sum over cells that the released code takes, 25 times as much."""
        regime = self.build()
        regime.model.eval()
        pairs = unlabelled()
        found = regime.consistency_loss(pairs.image, pairs.text, pairs.valid)
        whole = regime.model(pairs.image, pairs.text).logits.sigmoid()
        alone = regime.model(*regime.patches(pairs.image, pairs.text)).logits.sigmoid()
        torch.testing.assert_close(found, (cut(whole, 2) - alone).square().mean())

    def test_patches_are_asked_without_words(self) -> None:
        regime = self.build()
        image, text = regime.patches(unlabelled().image, said("left", "right", "square", None))
        assert len(text) == len(image) == 4 * 2**2 and text.is_null.all()
        _, own = self.build(args={"patch_words": "own"}).patches(
            unlabelled().image, said("left", "right", "square", None)
        )
        assert own.is_null.reshape(4, -1).all(1).tolist() == [False, False, False, True]

    @pytest.mark.parametrize("part", ["contrast", "consistency"])
    def test_each_part_can_be_switched_off(self, part: str) -> None:
        regime = self.build(args={part: False})
        other = {"contrast": "consistency", "consistency": "contrast"}[part]
        for step in (0, STEPS - 1):
            losses = regime.losses(labelled(), unlabelled(), step)
            assert part not in losses and float(losses[other].detach()) > 0

    def test_patches_follow_a_size_that_grows(self) -> None:
        regime = self.build()
        assert {side: regime.grid_of(side) for side in (64, 96, 128, 160, 224, 256, 352)} == {
            64: 2, 96: 3, 128: 4, 160: 5, 224: 7, 256: 4, 352: 1,
        }  # fmt: skip

    def test_a_grid_that_does_not_fit(self) -> None:
        with pytest.raises(ConfigError, match="64 px cannot be cut into 3 x 3 patches"):
            self.build(args={"grid": 3})


def test_patches_lie_where_they_were_cut() -> None:
    image = torch.arange(2 * 16.0).reshape(2, 1, 4, 4)
    assert torch.equal(cut(image, 2)[1], image[:1, 0, :2, 2:])
    assert torch.equal(cut(image, 2)[6], image[1:, 0, 2:, :2])
