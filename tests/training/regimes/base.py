"""What every regime must hold to. A regime's test class inherits :class:`RegimeTests` and names its kind."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch

import tiny
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.losses.target import Target
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import DataConfig, RegimeConfig, TrainConfig, TrainerConfig
from lexseg.training.regimes import create_regime
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.stream import Unlabelled

STEPS = 10
WORDS = {"kind": "word", "vocabulary": ["left", "right", "square"], "width": 16, "layers": 1}
ENCODER = create_text_encoder(WORDS)


def said(*texts: str | None) -> TextBatch:
    return TextPipeline(ENCODER)(texts)


def images(n: int = 4, seed: int = 0, size: int = 64) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def labelled(n: int = 4, *, empty: bool = False) -> Batch:
    mask = torch.zeros(n, 1, 64, 64)
    if not empty:
        for i in range(n):
            mask[i, 0, 8 : 24 + 4 * i, 12:40] = 1
    texts = ["left square", "right square", None, "square"][:n]
    return Batch(images(n), said(*texts), Target(mask, torch.ones_like(mask).bool()), tuple(f"c{i}" for i in range(n)))


def unlabelled(n: int = 4, seed: int = 5, *, seen: bool = True, mirrored: bool = False) -> Unlabelled:
    image = images(n, seed)
    turned = torch.tensor([mirrored] * n)
    return Unlabelled(
        image=image,
        text=said(*["left square", None, "square", "right"][:n]),
        valid=torch.full((n, 1, 64, 64), seen),
        second=(image.flip(-1) if mirrored else image).mul(0.9),
        second_text=said(*["right square" if mirrored else "left square", None, "square", "left"][:n]),
        mirrored=turned,
        flipped=torch.zeros(n, dtype=torch.bool),
        ids=tuple(f"u{i}" for i in range(n)),
    )


class RegimeTests:
    """Attributes: kind: of the regime; args: its keywords; reads_second: whether the second stream moves the model."""

    kind: ClassVar[str]
    args: ClassVar[dict[str, Any]] = {}
    reads_second: ClassVar[bool] = True

    def network(self) -> SegmentationModel:
        torch.manual_seed(0)
        model = tiny.Tiny(text_encoder=WORDS)
        torch.nn.init.constant_(model.head.bias, 0.2)  # finds something
        return model

    def build(self, *, args: dict[str, Any] | None = None, **settings: Any) -> Regime:
        config = TrainConfig(
            method="tiny",
            data=DataConfig(size=64, batch_size=4),
            trainer=TrainerConfig(steps=STEPS),
            regime=RegimeConfig(kind=self.kind, args=self.args if args is None else args, **settings),
        )
        model = self.network()
        regime = create_regime(model, config)
        assert regime is not None
        average = self.network().eval()
        average.load_state_dict(model.state_dict())
        regime.teacher = lambda: average
        regime.start()
        return regime

    @pytest.fixture
    def regime(self) -> Regime:
        return self.build()

    def second(self, regime: Regime, **options: Any) -> Unlabelled | None:
        return unlabelled(**options) if regime.two_streams else None

    @pytest.mark.parametrize("step", [0, 1, STEPS // 3, STEPS // 2, STEPS - 1])
    @pytest.mark.parametrize("empty", [False, True])
    def test_every_term_is_always_there_and_finite(self, regime: Regime, step: int, empty: bool) -> None:
        for seen in (True, False):
            losses = regime.losses(labelled(empty=empty), self.second(regime, seen=seen), step)
            assert set(losses) == set(regime.loss_names)
            assert all(value.isfinite() and value.requires_grad for value in losses.values()), losses
            sum(losses.values()).backward()
            assert all(p.grad is None or p.grad.isfinite().all() for p in regime.model.parameters())

    def test_a_batch_without_truth_is_no_error(self, regime: Regime) -> None:
        batch = labelled()
        target = replace(batch.target, valid=torch.zeros_like(batch.target.mask).bool())
        losses = regime.losses(replace(batch, target=target), self.second(regime), STEPS - 1)
        assert all(value.isfinite() for value in losses.values())

    def test_what_is_saved_is_the_model_alone(self, regime: Regime) -> None:
        plain = self.network()
        saved = regime.finish()
        assert type(saved) is type(plain) and saved.state_dict().keys() == plain.state_dict().keys()
        own = {id(p) for module in regime.modules().values() for p in module.parameters()}
        assert not own & {id(p) for p in saved.parameters()}
        assert {id(p) for p in regime.parameters()} <= own

    def test_unlabelled_images_move_the_model(self) -> None:
        if not self.reads_second:
            pytest.skip("it learns nothing from them")
        gradients = []
        for seed in (5, 6):
            regime = self.build(ramp=0.0)
            for step in range(STEPS):
                total = torch.stack(
                    list(regime.losses(labelled(), self.second(regime, seed=seed), step).values())
                ).sum()
                total.backward()
            gradients.append({n: p.grad for n, p in regime.model.named_parameters() if p.grad is not None})
        one, other = gradients
        assert any(not torch.allclose(one[name], other[name]) for name in one)

    def test_what_is_not_read_decides_nothing(self) -> None:
        regime = self.build()
        unread = [step for step in range(STEPS) if regime.two_streams and not regime.reads(step)]
        if not unread:
            pytest.skip("it looks at unlabelled images in every step, or never")
        for step in unread:
            one, other = (self.at(step, regime, seed) for seed in (5, 6))
            assert all(torch.equal(one[name], other[name]) for name in one)

    def at(self, step: int, regime: Regime, seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(step)  # of dropout
        return regime.losses(labelled(), self.second(regime, seed=seed), step)

    def test_state_goes_round(self, regime: Regime) -> None:
        state = dict(regime.state())
        other = self.build()
        other.restore(state)
        assert dict(other.state()).keys() == state.keys()
