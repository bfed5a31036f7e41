"""Supervised only, mean teacher, self-training."""

import math
from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ConfigError
from lexseg.models.base import Prediction
from lexseg.training.regimes import create_regime

from .base import STEPS, RegimeTests, labelled, unlabelled


class TestSupervised(RegimeTests):
    kind = "supervised"
    reads_second = False

    def test_it_is_the_models_own_training(self) -> None:
        regime = self.build()
        regime.model.eval()
        batch = labelled()
        own = regime.model.training_losses(batch.image, batch.text, batch.target)
        torch.testing.assert_close(regime.losses(batch, None, 0), own)


class TestMeanTeacher(RegimeTests):
    kind = "mean-teacher"

    def test_agreement_is_nothing_where_student_and_teacher_agree(self) -> None:
        """Both the same network, in evaluation, and both shown the same: also through a mirror, by the way back."""
        regime = self.build(ramp=0.0)
        regime.model.eval()
        pairs = unlabelled()
        same = regime.losses(labelled(), type(pairs)(**_same(pairs)), STEPS)
        assert float(same["agreement"].detach()) == pytest.approx(0, abs=1e-10)
        assert float(regime.losses(labelled(), pairs, STEPS)["agreement"].detach()) > 1e-7

    def test_the_teacher_is_not_taught(self) -> None:
        regime = self.build(ramp=0.0)
        regime.losses(labelled(), unlabelled(), STEPS)["agreement"].backward()
        assert all(p.grad is None for p in regime.teacher().parameters())
        assert any(p.grad is not None and p.grad.any() for p in regime.model.parameters())

    def test_the_weight_follows_its_ramp_whatever_the_number_of_steps(self) -> None:
        regime = self.build(weight=3.0)
        assert regime.weight(0) == pytest.approx(3 * math.exp(-5))
        assert regime.weight(STEPS - 1) == 3
        assert [regime.weight(s) for s in range(STEPS)] == sorted(regime.weight(s) for s in range(STEPS))
        assert self.build(ramp=0.0).weight(0) == 1

    def test_without_an_average_there_is_no_teacher(self) -> None:
        regime = self.build()
        config = replace(regime.config, trainer=replace(regime.config.trainer, ema=0.0))
        with pytest.raises(ConfigError, match=r"trainer\.ema is 0"):
            create_regime(regime.model, config)


class TestSelfTraining(RegimeTests):
    kind = "self-training"
    args: ClassVar = {"sure": 0.1}

    def test_masks_are_the_averages_and_only_sure_ones(self) -> None:
        regime = self.build(args={"sure": 0.0})
        pairs = unlabelled()
        regime.losses(labelled(), pairs, STEPS // 2)
        mask, valid = regime.drawn(pairs)
        found = regime.teacher()(pairs.image, pairs.text).logits.sigmoid()
        assert torch.equal(mask, (found > 0.5).float())
        empty = mask.flatten(1).sum(1) == 0
        assert torch.equal(valid.flatten(1).any(1), ~empty)
        unsure = self.build(args={"sure": 0.999999})
        unsure.losses(labelled(), pairs, STEPS // 2)
        assert not unsure.drawn(pairs)[1].any()

    @pytest.mark.parametrize(("generations", "renewed"), [(1, [5]), (2, [5, 7]), (5, [5, 6, 7, 8, 9]), (0, [])])
    def test_the_average_draws_anew_with_each_generation(self, generations: int, renewed: list[int]) -> None:
        regime = self.build(args={"sure": 0.0, "generations": generations})
        pairs, weights = unlabelled(), regime.teacher().state_dict()
        before, seen = None, []
        for step in range(STEPS):
            for value in weights.values():
                value += 1e-2 if value.is_floating_point() else 1  # the average of every step is another
            regime.losses(labelled(), pairs, step)
            if regime.kept is not None and step >= STEPS // 2:
                now = regime.kept.state_dict()["head.bias"].clone()
                if before is None or not torch.equal(now, before):
                    seen.append(step)
                before = now
        assert seen == renewed and ("labeller" in regime.modules()) == bool(generations)
        if not generations:
            found = regime.teacher()(pairs.image, pairs.text).logits.sigmoid()
            assert torch.equal(regime.drawn(pairs)[0], (found > 0.5).float())

    def test_mixed_images_are_asked_without_words_and_leave_the_norms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        regime, pairs = self.build(args={"sure": 0.0, "mixed": 1.0}), unlabelled()
        asked = []
        forward = regime.model.forward

        def heard(image: torch.Tensor, text: TextBatch) -> Prediction:
            asked.append((image, text.is_null.tolist()))
            return forward(image, text)

        monkeypatch.setattr(regime.model, "forward", heard)
        regime.losses(labelled(), pairs, STEPS - 1)
        image, null = asked[-1]
        assert null == [True] * 4 and not torch.equal(image, pairs.second)
        norm = next(m for m in regime.model.modules() if isinstance(m, torch.nn.BatchNorm2d))
        assert int(norm.num_batches_tracked) == 1  # the labelled batch alone

    @pytest.mark.parametrize("args", [{"generations": -1}, {"mixed": 1.5}, {"first": 0.0}])
    def test_what_is_no_share(self, args: dict[str, float]) -> None:
        with pytest.raises(ConfigError, match=r"regime\.args of self-training"):
            self.build(args=args)

    def test_labels_alone_go_before(self) -> None:
        regime = self.build()
        assert float(regime.losses(labelled(), unlabelled(), STEPS // 2 - 1)["pseudo"].detach()) == 0


class TestMixedSelfTraining(RegimeTests):
    kind = "self-training"
    args: ClassVar = {"sure": 0.1, "generations": 2, "mixed": 1.0}


def _same(pairs):
    values = {name: getattr(pairs, name) for name in type(pairs).__slots__}
    return values | {"second": pairs.image, "second_text": pairs.text}
