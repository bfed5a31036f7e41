"""CRIS: what every model holds to, its sizes, the kernel made from the sentence, and what the faults cost."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.clip_resnet import ClipResNet50
from lexseg.encoders.text import create_text_encoder
from lexseg.errors import ModelError
from lexseg.models import create_model
from lexseg.models.cris import CRIS
from lexseg.models.cris.decoder import DynamicProjector, dynamic_convolution
from lexseg.models.cris.neck import CrisNeck, coordinates
from lexseg.training.prepare import model_arguments
from lexseg.training.recipe import read_recipe

from .base import WIDTH, ModelTests, images, jitter, sentences, target
from .overfit import overfit

WIDTHS: dict[str, Any] = {
    "text_width": WIDTH, "dim": 32, "deep": 48, "side": [16, 24], "layers": 2, "heads": 4, "feedforward": 64,
    "dropout": 0.0,
}  # fmt: skip
LITE: dict[str, Any] = WIDTHS | {
    "encoder": "efficientnet-lite0", "encoder_args": {"pretrained": False}, "freeze_encoder": False,
    "sentence": "mean", "sentence_dim": None, "upsample": "bilinear", "cross_entropy_weight": 1.0,
}  # fmt: skip
RESNET: dict[str, Any] = {"pretrained": False, "width": 8, "layers": [1, 1, 1, 1], "outputs": 32, "grid": 2}
PUBLISHED: dict[str, Any] = WIDTHS | {"encoder_args": RESNET, "sentence_dim": 32}


class TestLite(ModelTests):
    name = "cris"
    arguments: ClassVar = LITE
    learning: ClassVar = {"encoder_args": {"pretrained": True, "even_scale": True}}
    least_dice: ClassVar = 0.65  # its map is coarse


class TestPublished(ModelTests):
    name = "cris"
    learns: ClassVar = False  # on a ResNet of random weights, and frozen: there is nothing to learn from
    arguments: ClassVar = PUBLISHED
    frozen: ClassVar = ("encoder.", "sentence.")


class TestTunedThroughout(ModelTests):
    name = "cris"
    learns: ClassVar = False
    arguments: ClassVar = PUBLISHED | {"freeze_encoder": False}


def published(**changes: Any) -> CRIS:
    torch.manual_seed(0)
    return CRIS(**(PUBLISHED | changes))


def count(part: nn.Module) -> float:
    return sum(p.numel() for p in part.parameters()) / 1e6


@pytest.mark.parametrize("as_published", [False, True])
def test_published_size(as_published: bool) -> None:
    """The specification counts 42.7 M trained parameters: neck 24.1, decoder 12.6, projector 6.0."""
    with torch.device("meta"):
        model = CRIS(encoder_args={"pretrained": False}, presence_weight=0, as_published=as_published)
    parts = [count(m) for m in (model.neck, model.decoder, model.projector)]
    assert parts == pytest.approx([24.1, 12.6, 6.0], abs=0.06)
    # beside them only the convolution that CLIP does not have, and the null sentence
    fresh = count(model.encoder.fresh) if isinstance(model.encoder, ClipResNet50) else 0
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6
    assert trained - fresh == pytest.approx(42.7, abs=0.06)


def test_lite_is_small() -> None:
    config = read_recipe("cris-lite")
    arguments = model_arguments(config, create_text_encoder(config.text))
    with torch.device("meta"):
        model = create_model("cris", **arguments | {"encoder_args": {"pretrained": False}})
    assert sum(p.numel() for p in model.parameters()) < 7e6


def test_dynamic_kernel_is_a_convolution_for_each_case() -> None:
    x, kernel, bias = torch.randn(3, 4, 6, 5), torch.randn(3, 36), torch.randn(3)
    got = dynamic_convolution(x, kernel, bias)
    for i in range(3):
        want = F.conv2d(x[i : i + 1], kernel[i].reshape(1, 4, 3, 3), bias[i : i + 1], padding=1)
        torch.testing.assert_close(got[i : i + 1], want, atol=1e-5, rtol=1e-5)


def test_scaled_kernel_keeps_early_logits_small() -> None:
    """The published kernel's logits grow with the sentence vector's length, ours do not."""
    torch.manual_seed(0)
    x, sentence = torch.randn(4, 32, 6, 6), 20 * torch.randn(4, 64)

    def spread(scaled: bool) -> float:
        torch.manual_seed(1)
        projector = DynamicProjector(32, 64, 16, scaled=scaled).eval()
        with torch.no_grad():
            return float(projector(x, sentence)[0].std())

    assert spread(True) < 1 < 10 * spread(True) < spread(False)


def test_coordinates_run_from_corner_to_corner() -> None:
    got = coordinates(torch.zeros(2, 7, 3, 5))
    assert got.shape == (2, 2, 3, 5)
    assert got[1, :, 0, 0].tolist() == [-1, -1] and got[1, :, 2, 4].tolist() == [1, 1]
    assert got[0, :, 0, 4].tolist() == [1, -1]  # the upper right: column first
    assert not coordinates(torch.zeros(1, 1, 1, 1)).any()


def _maps(n: int = 3) -> list[Tensor]:
    return [torch.randn(n, c, s, s) for c, s in ((6, 8), (8, 4), (10, 2))]


def _neck(norm: Any) -> CrisNeck:
    torch.manual_seed(0)
    return CrisNeck((6, 8, 10), 5, dim=8, deep=12, side=(4, 6), norm=norm)


def test_as_published_a_batch_with_one_sentence_is_deaf() -> None:
    """The fault: a batch norm over sentences. Where all are the same it leaves its bias, and nothing of them."""
    torch.manual_seed(0)
    maps, words = [m.double() for m in _maps()], torch.randn(2, 5).double()  # norms of nothing magnify rounding
    with torch.no_grad():
        faulty, right = (
            [_neck(norm).double().train()(maps, w.expand(3, 5)) for w in words] for norm in ("batch", "layer")
        )
    torch.testing.assert_close(faulty[0], faulty[1], atol=1e-6, rtol=0)
    assert (right[0] - right[1]).abs().max() > 0.1


def test_as_published_a_single_sentence_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        published(as_published=True).train().training_losses(images(1), sentences(1), target(1))


def test_as_published_only_dice_trains_the_mask() -> None:
    right, faulty = (published(as_published=p).train() for p in (False, True))
    losses = [m.training_losses(images(4), sentences(4), target(4))["bce"] for m in (right, faulty)]
    assert losses[0] > 0.02 and losses[1] == 0
    losses[1].backward()
    assert all(p.grad is None or not p.grad.any() for p in faulty.parameters())


def test_a_frozen_encoder_is_not_moved_but_for_what_clip_lacks() -> None:
    model = published().train()
    assert isinstance(model.encoder, ClipResNet50)
    before = {n: p.clone() for n, p in model.encoder.state_dict().items()}
    groups = model.parameter_groups()
    assert groups["encoder"] == []
    optimizer = torch.optim.SGD(groups["head"][0], 0.1)
    sum(model.training_losses(images(3), sentences(3), target(3)).values()).backward()
    optimizer.step()
    moved = {n for n, p in model.encoder.state_dict().items() if not torch.equal(before[n], p)}
    assert moved == {f"stages.3.1.connect.{n}" for n in model.encoder.fresh.state_dict()}


def test_sentence_takes_clips_projection(tmp_path: Path) -> None:
    source = ClipResNet50(**RESNET)
    prefixes = ("stages.0.0.", ""), ("stages.0.1.", "layer1."), ("stages.1.", "layer2."), ("stages.2.", "layer3.")
    prefixes = (*prefixes, ("stages.3.0.", "layer4."), ("stages.3.1.", "attnpool."))
    state = {"text_projection": torch.randn(WIDTH, 32)}
    for name, value in source.state_dict().items():
        ours, theirs = next(p for p in prefixes if name.startswith(p[0]))
        if ".connect." not in name:
            state[f"visual.{theirs}{name.removeprefix(ours)}"] = value
    save_file(state, tmp_path / "open_clip_model.safetensors")
    pretrained = RESNET | {"pretrained": str(tmp_path)}
    project = published(encoder_args=pretrained).sentence.project
    assert isinstance(project, nn.Linear) and torch.equal(project.weight, state["text_projection"].T)
    with pytest.raises(ModelError, match="projection of the sentence makes 32 of 24 numbers"):
        published(encoder_args=pretrained, text_width=WIDTH - 1)


@pytest.mark.parametrize(
    "changes",
    [{"sentence": "mean"}, {"sentence_dim": 8}, {"dim": 16}, {"deep": 32}, {"side": [8, 24]}, {"layers": 1},
     {"heads": 2}, {"feedforward": 32}, {"upsample": "bilinear"}, {"cross_entropy_weight": 1.0},
     {"presence_weight": 1.0}, {"as_published": True}],
)  # fmt: skip
def test_every_switch_changes_something(changes: dict[str, Any]) -> None:
    def total(model: CRIS) -> tuple[float, int]:
        jitter(model)
        losses = model.eval().training_losses(images(4), sentences(4), target(4))
        return float(torch.stack(list(losses.values())).detach().sum()), sum(p.numel() for p in model.parameters())

    assert total(published()) != total(published(**changes))


def test_unknown_way_up_is_refused() -> None:
    with pytest.raises(ValueError, match="'bicubic' or 'bilinear'"):
        published(upsample="nearest")
    with pytest.raises(ValueError, match="even_scale"):
        published(encoder="efficientnet-lite0", encoder_args={"pretrained": False, "even_scale": True})


@pytest.mark.slow
@pytest.mark.data
def test_lite_overfits_eight_films(data_root: Path) -> None:
    assert overfit("cris-lite", data_root, steps=80) > 0.65
