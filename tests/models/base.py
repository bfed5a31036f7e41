"""What every model must hold to. A model's test class inherits :class:`ModelTests` and names a small configuration."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from lexseg.encoders.text.batch import TextBatch
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.models.base import Prediction, SegmentationModel
from lexseg.models.io import ModelConfig, load_model, save_model

from . import squares

WIDTH = 24
VOCABULARY = ["left", "right", "square", "upper", "lower", "lung"]
WORDS = {"kind": "word", "vocabulary": VOCABULARY, "width": WIDTH, "layers": 1, "heads": 4}


def images(n: int = 4, size: tuple[int, int] = (64, 64), seed: int = 0) -> Tensor:
    return torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(seed))


def sentences(n: int = 4, length: int = 5, null: tuple[int, ...] = (), seed: int = 1) -> TextBatch:
    """Frozen states of ``n`` sentences of different lengths, two of them equal; padding is zero.

    Swapped they are other states; the second sentence names no place.
    """
    given = _states(n, length, null, seed)
    swapped = (_states(n, length, (1, *null), seed + 100), _states(n, length, (1, *null), seed + 200))
    return replace(given, swapped=swapped)


def _states(n: int, length: int, null: tuple[int, ...], seed: int) -> TextBatch:
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(n, length, WIDTH, generator=generator)
    mask = torch.arange(length)[None] < torch.tensor([2 + i % (length - 1) for i in range(n)])[:, None]
    caption = torch.arange(n)
    if n > 2:
        states[2], mask[2], caption[2] = states[0], mask[0], caption[0]
    is_null = torch.zeros(n, dtype=torch.bool)
    is_null[[i for i in null if i < n]] = True
    mask = mask & ~is_null[:, None]
    return TextBatch(mask, caption, is_null, states=states * mask[..., None])


def target(n: int = 4, size: tuple[int, int] = (64, 64), seed: int = 2) -> Target:
    """A rectangle in each image, each another one, and another target beside it."""
    mask, others = torch.zeros(n, 1, *size), torch.zeros(n, 1, *size)
    for i in range(n):
        mask[i, 0, 8 + 4 * i : 32 + 4 * i, 4 : 28 + 4 * (i % 3)] = 1
        others[i, 0, 8:24, 44:60] = 1
    return Target(mask, others=others)


def jitter(model: nn.Module, scale: float = 0.1) -> None:
    """Open what starts closed (gates of zero let no gradient through): move what starts as a constant."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in model.parameters():
            if p.min() == p.max():
                p.add_(torch.randn(p.shape, generator=generator) * scale)


class ModelTests:
    """Attributes: name: of the model; arguments: a small configuration that reads states of width ``WIDTH``.

    learning: what is changed where the model is trained for real.
    silent: parameters that this configuration cannot train, for a reason that the subclass names.
    frozen: what the names of parameters begin with that this method does not train.
    learns: whether this configuration is trained on the squares; one of each model is enough.
    least_dice: of a square that is asked for; what learns does better by more than other seeds and processors differ.
    steps: that it is trained on the squares.
    """

    name: ClassVar[str]
    arguments: ClassVar[Mapping[str, Any]]
    learning: ClassVar[Mapping[str, Any]] = {}
    silent: ClassVar[tuple[str, ...]] = ()
    frozen: ClassVar[tuple[str, ...]] = ()
    learns: ClassVar[bool] = True
    least_dice: ClassVar[float] = 0.75
    steps: ClassVar[int] = 200

    def build(self, **changes: Any) -> SegmentationModel:
        torch.manual_seed(0)
        return create_model(self.name, **{**self.arguments, **changes})

    @pytest.fixture
    def model(self) -> SegmentationModel:
        return self.build()

    @pytest.fixture
    def uses_text(self, model: SegmentationModel) -> None:
        if not model.uses_text:
            pytest.skip("an image-only model")

    @pytest.mark.parametrize("size", [(64, 64), (96, 64)])
    def test_logits_have_the_size_of_the_image(self, model: SegmentationModel, size: tuple[int, int]) -> None:
        with torch.no_grad():
            prediction = model.eval()(images(2, size), sentences(2))
        assert isinstance(prediction, Prediction)
        assert prediction.logits.shape == (2, 1, *size)
        assert prediction.logits.isfinite().all()
        assert all(m.shape[:2] == (2, 1) for m in prediction.maps.values())
        assert (prediction.presence is not None) == model.uses_text
        if prediction.presence is not None:
            assert prediction.presence.shape == (2,) and prediction.presence.isfinite().all()

    def test_features_are_what_the_logits_are_made_of(self, model: SegmentationModel) -> None:
        prediction = model.eval()(images(2), sentences(2))
        assert prediction.features is not None
        assert prediction.features.ndim == 4 and prediction.features.shape[0] == 2 and prediction.features.shape[1] > 1
        (gradient,) = torch.autograd.grad(prediction.logits[0].sum(), prediction.features)
        assert gradient[0].any() and not gradient[1].any()  # each image's logits of its own map

    def test_several_sentences_an_image_cost_the_same_as_the_image_again(self, model: SegmentationModel) -> None:
        """Asked side by side or one by one, the losses are the same; only the work is less."""
        jitter(model)
        model.eval()  # without running statistics, which count images
        torch.manual_seed(0)
        together = model.training_losses(images(2), sentences(4), target(4))
        torch.manual_seed(0)
        apart = model.training_losses(images(2).repeat_interleave(2, 0), sentences(4), target(4))
        torch.testing.assert_close(together, apart)
        with pytest.raises(ValueError, match="3 sentences about 2 images"):
            model.training_losses(images(2), sentences(3), target(3))

    @pytest.mark.usefixtures("uses_text")
    def test_presence_can_be_left_out(self) -> None:
        model = self.build(presence_weight=0.0)
        assert "presence" not in model.loss_names
        assert model.eval()(images(2), sentences(2)).presence is None

    def test_one_image_in_training(self, model: SegmentationModel) -> None:
        losses = model.train().training_losses(images(1), sentences(1), target(1))
        assert all(v.isfinite() for v in losses.values())

    def test_image_of_one_cell(self, model: SegmentationModel) -> None:
        losses = model.train().training_losses(images(3, (32, 32)), sentences(3), target(3, (32, 32)))
        sum(losses.values()).backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        with torch.no_grad():
            assert model.eval()(images(1, (32, 32)), sentences(1)).logits.isfinite().all()

    def test_sizes_that_do_not_fit_are_refused(self, model: SegmentationModel) -> None:
        with pytest.raises(ValueError, match="divisible by 32"):
            model(images(1, (64, 40)), sentences(1))
        with pytest.raises(ValueError, match="divisible by 32"):
            model.training_losses(images(1, (64, 40)), sentences(1), target(1, (64, 40)))

    def test_same_answer_twice(self, model: SegmentationModel) -> None:
        jitter(model)
        model.eval()
        with torch.no_grad():
            first, second = (model(images(2), sentences(2)).logits for _ in range(2))
        assert torch.equal(first, second)

    def test_encode_once_decode_twice(self, model: SegmentationModel) -> None:
        jitter(model)
        model.eval()
        with torch.no_grad():
            features = model.encode_image(images(2))
            for seed in (1, 5):
                text = sentences(2, seed=seed)
                assert torch.equal(model.decode(features, text).logits, model(images(2), text).logits)

    @pytest.mark.usefixtures("uses_text")
    def test_words_decide(self, model: SegmentationModel) -> None:
        jitter(model)
        model.eval()
        with torch.no_grad():
            one, other = (model(images(4), sentences(4, seed=seed)).logits for seed in (1, 5))
        assert (one - other).abs().max() > 1e-4

    @pytest.mark.usefixtures("uses_text")
    def test_padding_changes_nothing(self, model: SegmentationModel) -> None:
        jitter(model)
        model.eval()
        text = sentences(4, null=(3,))
        assert text.states is not None
        garbage = torch.where(text.attention_mask[..., None], text.states, 7 * torch.randn_like(text.states))
        longer = replace(
            text,
            states=torch.cat([garbage, torch.randn(4, 3, WIDTH)], 1),
            attention_mask=torch.cat([text.attention_mask, torch.zeros(4, 3, dtype=torch.bool)], 1),
        )
        with torch.no_grad():
            plain = model(images(4), text)
            padded = model(images(4), longer)
        torch.testing.assert_close(plain.logits, padded.logits, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(plain.presence, padded.presence, atol=1e-5, rtol=1e-5)
        for name, value in plain.maps.items():
            torch.testing.assert_close(value, padded.maps[name], atol=1e-5, rtol=1e-5)

    @pytest.mark.usefixtures("uses_text")
    def test_ids_of_padding_change_nothing(self) -> None:
        model = self.build(text_encoder=WORDS)
        jitter(model)
        model.eval()
        encoder = model.text_input.encoder if model.text_input is not None else None
        assert encoder is not None
        text = TextPipeline(encoder)(["left square", "upper left lung square", None])
        assert text.input_ids is not None
        assert not text.attention_mask.all()
        shuffled = torch.where(text.attention_mask, text.input_ids, 3)
        with torch.no_grad():
            plain, padded = model(images(3), text), model(images(3), replace(text, input_ids=shuffled))
        torch.testing.assert_close(plain.logits, padded.logits, atol=1e-5, rtol=1e-5)

    @pytest.mark.usefixtures("uses_text")
    def test_null_sentence_is_a_sentence_of_its_own(self, model: SegmentationModel) -> None:
        jitter(model)
        model.eval()
        with torch.no_grad():
            given = model(images(2), sentences(2)).logits
            null = model(images(2), sentences(2, null=(0, 1))).logits
            shortest = TextBatch(torch.zeros(2, 1, dtype=torch.bool), torch.tensor([-1, -2]), torch.ones(2) > 0,
                                 states=torch.zeros(2, 1, WIDTH))  # fmt: skip
            torch.testing.assert_close(model(images(2), shortest).logits, null, atol=1e-5, rtol=1e-5)
        assert null.isfinite().all()
        assert (given - null).abs().max() > 1e-4

    def test_every_parameter_is_trained(self, model: SegmentationModel) -> None:
        jitter(model)
        losses = model.train().training_losses(images(6), sentences(6, null=(4,)), target(6))
        sum(losses.values()).backward()
        trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
        assert [n for n, p in model.named_parameters() if n not in trained and not n.startswith(self.frozen)] == []
        size = {n: 0.0 if p.grad is None else float(p.grad.abs().max()) for n, p in trained.items()}
        typical = sorted(size.values())[len(size) // 2]
        assert [n for n, p in trained.items() if p.grad is None] == []
        # A bias may be taken away again by a batch norm further on, in the published networks too.
        weights = {n: g for n, g in size.items() if not n.endswith("bias")}
        assert {n for n, g in weights.items() if not g > 1e-5 * typical} == set(self.silent)

    def test_configured_terms_are_there_and_say_something(self, model: SegmentationModel) -> None:
        losses = model.train().training_losses(images(6), sentences(6, null=(4,)), target(6))
        assert tuple(losses) == model.loss_names
        assert all(v.dim() == 0 and v.isfinite() and v.requires_grad for v in losses.values())
        assert {n: float(v) for n, v in losses.items() if not v > 1e-4} == {}

    @pytest.mark.parametrize("case", ["empty masks", "no sentences", "all unknown", "full masks"])
    def test_terms_stay_finite(self, model: SegmentationModel, case: str) -> None:
        truth, text = target(4), sentences(4)
        if case == "empty masks":
            truth = Target(torch.zeros(4, 1, 64, 64))
        elif case == "full masks":
            truth = Target(torch.ones(4, 1, 64, 64))
        elif case == "no sentences":
            text = sentences(4, null=(0, 1, 2, 3))
        else:
            truth = replace(truth, valid=torch.zeros(4, 1, 64, 64, dtype=torch.bool), weight=torch.zeros(4))
        losses = model.train().training_losses(images(4), text, truth)
        assert tuple(losses) == model.loss_names
        sum(losses.values()).backward()
        assert all(v.isfinite() for v in losses.values())
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())

    def test_trains_in_bfloat16(self, model: SegmentationModel) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = model.train().training_losses(images(2), sentences(2), target(2))
        sum(losses.values()).backward()
        assert all(v.isfinite() for v in losses.values())

    def test_groups_cover_every_trainable_parameter_once(self, model: SegmentationModel) -> None:
        models = [model] + ([self.build(text_encoder=WORDS)] if model.uses_text else [])
        for m in models:
            groups = m.parameter_groups()
            assert set(groups) == {"encoder", "text", "head"}
            grouped = [id(p) for layers in groups.values() for layer in layers for p in layer]
            assert sorted(grouped) == sorted(id(p) for p in m.parameters() if p.requires_grad)

    def test_saved_and_loaded_it_answers_bit_for_bit_the_same(self, model: SegmentationModel, tmp_path: Path) -> None:
        jitter(model)
        model.train().training_losses(images(4), sentences(4), target(4))  # moves the running statistics
        assert json.loads(json.dumps(self.arguments)) == self.arguments
        config = ModelConfig(self.name, dict(self.arguments), (64, 64))
        save_model(tmp_path / "model", model, config, card="# test\n")
        loaded = load_model(tmp_path / "model").model
        with torch.no_grad():
            saved = model.eval()(images(2), sentences(2)).logits
            assert torch.equal(loaded(images(2), sentences(2)).logits, saved)

    def test_arguments_are_all_keywords_with_defaults(self, model: SegmentationModel) -> None:
        parameters = inspect.signature(type(model)).parameters.values()
        assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)

    def test_mask_is_no_input_of_forward(self, model: SegmentationModel) -> None:
        assert list(inspect.signature(model.forward).parameters) == ["image", "text"]
        assert list(inspect.signature(model.decode).parameters) == ["features", "text"]

    def test_exports(self, model: SegmentationModel) -> None:
        class Tensors(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = model.eval()

            def forward(self, image: Tensor, states: Tensor, mask: Tensor, is_null: Tensor) -> Tensor:
                logits: Tensor = self.inner(image, TextBatch(mask, is_null.long(), is_null, states=states)).logits
                return logits

        text = sentences(2)
        arguments = (images(2), text.states, text.attention_mask, text.is_null)
        with torch.no_grad():
            program = torch.export.export(Tensors(), arguments)
            torch.testing.assert_close(program.module()(*arguments), Tensors()(*arguments), atol=1e-5, rtol=1e-5)

    @pytest.mark.slow
    @pytest.mark.usefixtures("uses_text")
    def test_learns_which_square_the_words_mean(self) -> None:
        """One or two squares in each image; only the words tell which one is meant, and it may not be there."""
        if not self.learns:
            pytest.skip("another configuration is trained")
        model = self.build(text_encoder={**WORDS, "vocabulary": squares.VOCABULARY}, **self.learning)
        learnt = squares.learn_squares(model, steps=self.steps)
        assert learnt.meant > self.least_dice
        assert learnt.other < 0.2
        assert min(learnt.there, learnt.absent) >= 0.8


__all__ = ["VOCABULARY", "WIDTH", "WORDS", "ModelTests", "images", "jitter", "sentences", "target"]
