"""LViT: the contract, its size, and a test for each fault of the released code that `as_published` brings back."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.models import create_model
from lexseg.models.lvit import LViT
from lexseg.models.lvit.vit_levels import ViTLevels
from lexseg.models.parts.grid_positions import GridPositions
from lexseg.models.parts.pixel_attention import PixelAttention
from lexseg.models.parts.unet_decoder import conv_norm_relu

from .base import WIDTH, ModelTests, images, jitter, sentences, target
from .overfit import overfit

LITE: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "text_width": WIDTH,
    "dims": [16, 32, 48],
    "heads": 4,
    "token_kernel": 1,
    "position_grid": 0,
    "widths": [32, 24, 16],
    "dropout": 0.0,
}
PLAIN: dict[str, Any] = {
    "encoder_args": {"widths": [8, 12, 16, 24, 24]},
    "text_width": WIDTH,
    "dims": [8, 16, 32, 64],
    "heads": 4,
    "widths": [24, 16, 12, 8],
    "dropout": 0.0,
}


class TestLite(ModelTests):
    name = "lvit"
    arguments: ClassVar = LITE
    learning: ClassVar = {"encoder_args": {"pretrained": True}}
    # the batch norm that the deepest map comes out of; ours behind it takes its scale away again
    silent: ClassVar = ("encoder.stages.3.4.project.1.weight",)


class TestPublishedGraph(ModelTests):
    name = "lvit"
    arguments: ClassVar = PLAIN
    learns: ClassVar = False  # TestLite does


class TestAsPublished(ModelTests):
    name = "lvit"
    arguments: ClassVar = PLAIN | {"as_published": True}
    learns: ClassVar = False
    test_exports: ClassVar = None  # slow, and nobody ships the faults


def both() -> tuple[LViT, LViT]:
    """A model that is right and one with the faults, ready to answer."""
    torch.manual_seed(0)
    models = LViT(**PLAIN), LViT(**PLAIN, as_published=True)
    for model in models:
        jitter(model)
        model.eval()
    return models


def long(length: int = 14, change: int | None = None) -> TextBatch:
    """Two sentences of equal length; of the token ``change`` the states are others."""
    states = torch.randn(2, length, WIDTH, generator=torch.Generator().manual_seed(3))
    if change is not None:
        states[:, change] = -states[:, change]
    nothing = torch.zeros(2, dtype=torch.bool)
    return TextBatch(torch.ones(2, length, dtype=torch.bool), torch.arange(2), nothing, states=states)


def test_size_is_that_of_the_parts_in_use() -> None:
    """39.93 M parameters are released, of which 10.03 M are never reached; only the others are built."""
    released = LViT(as_published=True, presence_weight=0.0)
    assert sum(p.numel() for p in released.parameters()) == pytest.approx(29.90e6, rel=0.002)


def test_words_reach_one_level_as_published_and_all_of_ours() -> None:
    def moved(model: LViT) -> list[bool]:
        seen: list[list[Tensor]] = []
        model.levels.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        with torch.no_grad():
            for seed in (1, 5):
                model(images(2), sentences(2, seed=seed))
        return [not torch.equal(a, b) for a, b in zip(*seen, strict=True)]

    right, published = both()
    assert moved(right) == [True] * 4
    assert moved(published) == [True, False, False, False]


def test_words_are_not_drowned_by_the_maps_of_an_image_encoder() -> None:
    """Lite0's maps spread ten times as wide as what is added to them; at one scale the words move the answer."""

    def share(even: bool) -> float:
        torch.manual_seed(0)
        model = LViT(**LITE | {"encoder_args": {"pretrained": True}}).train()
        if not even:
            model.even = nn.ModuleList(nn.Identity() for _ in model.even)
        with torch.no_grad():
            one, other = (model(images(4), sentences(4, seed=seed)).logits for seed in (1, 5))
        return float((one - other).std() / one.std())

    assert share(even=True) > 0.03
    assert share(even=False) < 0.003


def test_words_behind_the_tenth_are_cut_as_published() -> None:
    def changes(model: LViT, token: int) -> bool:
        with torch.no_grad():
            one, other = model(images(2), long()).logits, model(images(2), long(change=token)).logits
        return bool((one - other).abs().max() > 1e-6)

    right, published = both()
    assert changes(right, 12) and changes(right, 9)
    assert changes(published, 9)
    assert not changes(published, 12)


def test_filler_is_read_as_content_as_published() -> None:
    published = both()[1]
    assert published.table is not None
    with torch.no_grad():
        before = published(images(2), sentences(2)).logits
        published.table.filler += 1.0
        assert (published(images(2), sentences(2)).logits - before).abs().max() > 1e-6


def test_pixel_attention_turns_features_over_only_as_published() -> None:
    x = torch.rand(2, 4, 8, 8)
    for squash in (True, False):
        attention = PixelAttention(4, squash=squash)
        nn.init.constant_(attention.weigh[2].weight, 0.0)
        nn.init.constant_(attention.weigh[2].bias, -2.0)
        with torch.no_grad():
            y = attention(x)
        assert bool((y > 0).all()) == squash
        torch.testing.assert_close(y, x * (2 * torch.tensor(-2.0).sigmoid() if squash else -2.0))


def test_an_empty_mask_costs_everything_only_as_published() -> None:
    """A near-empty answer is right there; the released Dice still calls it all wrong."""
    right, published = both()
    truth = target(2)
    truth.mask.zero_()
    for model, low, high in ((right, 0.0, 0.01), (published, 0.48, 0.51)):
        nn.init.zeros_(model.head.weight)
        nn.init.constant_(model.head.bias, -8.0)
        assert low <= model.training_losses(images(2), sentences(2), truth)["dice"].item() <= high


def test_a_pointwise_layer_may_come_before_nearest_upsampling() -> None:
    """What the model does at a fraction of the work is what the paper's order gives, statistics included."""
    layer, x = conv_norm_relu(6, 5, 1), torch.randn(3, 6, 4, 4)
    before = F.interpolate(layer(x), scale_factor=4.0, mode="nearest")
    torch.testing.assert_close(before, layer(F.interpolate(x, scale_factor=4.0, mode="nearest")), atol=1e-5, rtol=1e-5)


def test_learnt_positions_are_the_table_at_its_own_size_and_resized_elsewhere() -> None:
    positions = GridPositions(3, 4)
    assert positions.table is not None
    nn.init.normal_(positions.table)
    with torch.no_grad():
        torch.testing.assert_close(positions(torch.zeros(2, 3, 4, 4))[1:], positions.table)
        assert positions(torch.zeros(1, 3, 6, 5)).shape == (1, 3, 6, 5)
    at_any_size = GridPositions(8)
    assert not list(at_any_size.parameters())
    cells = at_any_size(torch.zeros(1, 8, 6, 5)).flatten(2)[0].T
    assert len(cells.unique(dim=0)) == 30


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="each has to be above"):
        ViTLevels([16, 16])
    with pytest.raises(ModelError, match="3 widths of transformer levels for 4 skips"):
        create_model("lvit", **PLAIN | {"dims": [8, 16, 32]})
    with pytest.raises(ModelError, match="needs 5 widths, not 4"):
        create_model("lvit", **PLAIN | {"encoder_args": {"widths": [8, 12, 16, 24]}})
    with pytest.raises(ModelError, match="no pretrained weights"):
        create_model("lvit", **PLAIN | {"encoder_args": {"pretrained": True}})


@pytest.mark.slow
def test_lite_overfits_eight_films(data_root: Path) -> None:
    assert overfit("lvit-lite", data_root) > 0.7
