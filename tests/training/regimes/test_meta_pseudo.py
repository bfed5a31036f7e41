"""A teacher that is told whether its masks helped; mixed objects."""

from copy import deepcopy
from dataclasses import replace
from itertools import product

import pytest
import torch

from lexseg.errors import ConfigError
from lexseg.losses.target import Target
from lexseg.training.regimes import create_regime
from lexseg.training.regimes.object_mix import ObjectMix

from .base import STEPS, RegimeTests, labelled, unlabelled

MIDDLE = STEPS // 2


class TestMetaPseudo(RegimeTests):
    kind = "meta-pseudo"

    @pytest.mark.parametrize(("better", "believes"), [(True, "more"), (False, "less")])
    def test_the_sign_of_h(self, better: bool, believes: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Masks that made the student worse are believed less by the teacher, those that made it better more."""
        regime, pairs = self.build(weight=0.0), unlabelled()
        regime.master.eval()
        regime._taught = Target(torch.ones(4, 1, 64, 64), pairs.valid)
        regime._before = torch.tensor(1.0)
        monkeypatch.setattr(regime, "_on_labels", lambda batch: torch.tensor(0.6 if better else 1.4))

        def belief() -> float:
            with torch.no_grad():
                return float(regime.master(pairs.second, pairs.second_text).logits.sigmoid().mean())

        before = belief()
        regime.teaching(labelled(), pairs, MIDDLE).backward()
        assert (regime.h > 0) == better
        with torch.no_grad():
            for p in regime.master.parameters():
                p -= 0.1 * p.grad if p.grad is not None else 0
        assert (belief() > before) == (believes == "more")

    @pytest.mark.parametrize("right", [True, False])
    def test_a_wrong_mask_makes_the_student_worse_and_a_right_one_better(self, right: bool) -> None:
        """The same through a real step of the student: every labelled image is empty, and the masks say so or not."""
        regime = self.build(weight=0.0)
        batch, pairs = labelled(empty=True), unlabelled()
        taught = torch.zeros(4, 1, 64, 64) if right else torch.ones(4, 1, 64, 64)
        regime._taught, regime._before = Target(taught, pairs.valid), regime._on_labels(batch)
        logits = regime.model(pairs.second, pairs.second_text).logits
        torch.nn.functional.binary_cross_entropy_with_logits(logits, taught).backward()
        with torch.no_grad():
            for p in regime.model.parameters():
                p -= 0.5 * p.grad if p.grad is not None else 0
        regime.teaching(batch, pairs, MIDDLE)
        assert (regime.h > 0) == right

    def test_without_h_only_the_teacher_is_another_after_one_step(self) -> None:
        """Within the step, that is; later its masks are others, too."""
        students, teachers = [], []
        for meta in (True, False):
            regime = self.build(args={"meta": meta})
            optimizer = torch.optim.SGD(regime.model.parameters(), 0.1)
            torch.manual_seed(1)
            torch.stack(list(regime.losses(labelled(), unlabelled(), MIDDLE).values())).sum().backward()
            optimizer.step()
            torch.manual_seed(2)
            regime.after_step(labelled(), unlabelled(), MIDDLE)
            students.append(deepcopy(regime.model.state_dict()))
            teachers.append(deepcopy(regime.master.state_dict()))
        assert all(torch.equal(students[0][k], students[1][k]) for k in students[0])
        assert not all(torch.equal(teachers[0][k], teachers[1][k]) for k in teachers[0])

    def test_the_student_sees_no_label_while_it_is_taught(self) -> None:
        regime = self.build()
        for step, taught in ((0, False), (MIDDLE, True), (STEPS - 1, False)):
            found = []
            for empty in (False, True):
                torch.manual_seed(0)
                losses = regime.losses(labelled(empty=empty), unlabelled(), step)
                found.append(float(torch.stack(list(losses.values())).sum().detach()))
            assert (found[0] == found[1]) == taught == regime.reads(step)

    def test_it_takes_steps_of_its_own(self) -> None:
        regime = self.build()
        config = replace(regime.config, trainer=replace(regime.config.trainer, accumulate=2))
        with pytest.raises(ConfigError, match=r"one device and trainer\.accumulate 1"):
            create_regime(regime.model, config)


def picture(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images that show their masks: bright discs on dark ground."""
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    mask = torch.stack([((rows - 14 - 5 * i) ** 2 + (columns - 30 + 4 * i) ** 2 < 60 + 20 * i)[None] for i in range(4)])
    image = 0.1 + 0.8 * mask.float().expand(-1, 3, -1, -1)
    return image, mask.float(), torch.ones_like(mask)


@pytest.mark.parametrize("parts", list(product((False, True), repeat=3)))
def test_masks_stay_with_what_they_are_of(parts: tuple[bool, bool, bool]) -> None:
    mix = ObjectMix(*parts)
    image, mask, valid = mix(*picture(), torch.Generator().manual_seed(3))
    assert image.shape == (4, 3, 48, 48) and mask.shape == valid.shape == (4, 1, 48, 48)
    assert set(mask.unique().tolist()) <= {0.0, 1.0} and bool(mask.any())
    # beyond a pixel from any edge
    inside = valid & (torch.nn.functional.max_pool2d(mask, 3, 1, 1) == -torch.nn.functional.max_pool2d(-mask, 3, 1, 1))
    assert torch.equal((image.mean(1, keepdim=True) > 0.5) & inside, (mask > 0) & inside)
    assert mix.mixes == (parts[0] or parts[1])
    changed = not torch.equal(mask, picture()[1])
    assert changed == mix.mixes
    if parts[1]:
        assert not valid.all()  # the seam


def test_what_is_not_known_is_not_pasted() -> None:
    image, mask, _ = picture()
    _, mixed, _ = ObjectMix(mosaic=False)(image, mask, torch.zeros_like(mask).bool(), torch.Generator().manual_seed(0))
    assert torch.equal(mixed, mask)


def test_chance_is_the_generators_alone() -> None:
    one, same, other = (ObjectMix()(*picture(), torch.Generator().manual_seed(s))[0] for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
