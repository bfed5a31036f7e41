"""The nnU-Net-like network: MONAI's blocks, losses at several sizes."""

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from monai.networks.nets.dynunet import DynUNet as MonaiDynUNet
from torch import nn

from lexseg.models.dynunet import DynUNet
from lexseg.models.dynunet.blocks import InstanceNorm

from .base import ModelTests, images, sentences, target
from .overfit import overfit

FILTERS = [8, 8, 16, 16, 24, 24]


class TestDynUNet(ModelTests):
    name = "dynunet"
    arguments: ClassVar = {"filters": FILTERS}


class TestDynUNetOnLite0(ModelTests):
    name = "dynunet"
    arguments: ClassVar = {
        "encoder": "efficientnet-lite0",
        "encoder_args": {"pretrained": False},
        "deep_supervision": 2,
        "batch_dice": False,
    }


def monai(filters: list[int], supervised: int) -> nn.Module:
    n = len(filters)
    return MonaiDynUNet(
        2, 3, 1, [3] * n, [1] + [2] * (n - 1), [2] * (n - 1), filters,
        deep_supervision=True, deep_supr_num=supervised,
    )  # fmt: skip


def test_it_answers_as_monais_own_network() -> None:
    """The same weights in MONAI's whole network, which can neither be saved without doubles nor see 32 pixels."""
    torch.manual_seed(0)
    model, reference = DynUNet(filters=FILTERS).eval(), monai(FILTERS, 3).eval()
    pairs = [
        *zip(model.downs, [reference.input_block, *reference.downsamples, reference.bottleneck], strict=True),
        *zip(model.ups, reference.upsamples, strict=True),
        *zip(model.heads, [reference.output_block, *reference.deep_supervision_heads], strict=True),
    ]
    for ours, theirs in pairs:
        ours.load_state_dict(theirs.state_dict(), strict=True)
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in reference.parameters())
    image = images(2)
    with torch.no_grad():
        expected = reference(model.normalize(image))
        torch.testing.assert_close(model(image, sentences(2)).logits, expected, atol=1e-4, rtol=1e-4)


def test_training_supervises_four_sizes_and_answering_one() -> None:
    model = DynUNet(filters=FILTERS)
    sizes = [tuple(m.shape[-2:]) for m in model.train().encode_image(images(1)).maps]
    assert sizes == [(64, 64), (32, 32), (16, 16), (8, 8)]
    assert len(model.eval().encode_image(images(1)).maps) == 1


def test_on_an_encoder_too() -> None:
    model = DynUNet(encoder="efficientnet-lite0", encoder_args={"pretrained": False}, deep_supervision=2)
    assert [tuple(m.shape[-2:]) for m in model.train().encode_image(images(1)).maps] == [(16, 16), (8, 8), (4, 4)]


def test_smaller_sizes_change_the_loss() -> None:
    torch.manual_seed(0)
    model = DynUNet(filters=FILTERS).train()
    deep = model.training_losses(images(2), sentences(2), target(2))
    model.heads = model.heads[:1]
    full = model.training_losses(images(2), sentences(2), target(2))
    assert all(not torch.allclose(deep[name], full[name]) for name in full)


def test_brightness_and_contrast_of_the_whole_image_do_not_matter() -> None:
    model = DynUNet(filters=FILTERS).eval()
    with torch.no_grad():
        plain, dim = (model(x, sentences(2)).logits for x in (images(2), 0.2 + 0.3 * images(2)))
        torch.testing.assert_close(plain, dim, atol=1e-3, rtol=1e-3)
        assert model(torch.full((1, 3, 64, 64), 0.3), sentences(1)).logits.isfinite().all()


def test_instance_norm_is_torchs_where_torch_has_one() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = InstanceNorm(5), nn.InstanceNorm2d(5, affine=True)
    with torch.no_grad():
        for norm in (ours, theirs):
            norm.weight.copy_(torch.arange(5) + 1.0)
            norm.bias.copy_(torch.arange(5) - 2.0)
        x = torch.randn(3, 5, 4, 6, generator=generator)
        torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(ours(x[:1, :, :1, :1]).flatten(), ours.bias, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="more than 1 spatial"):
        theirs(x[:1, :, :1, :1])


@pytest.mark.parametrize(("change", "message"), [
    ({"filters": [8, 8]}, "three to six widths"),
    ({"filters": [8] * 7}, "three to six widths"),
    ({"filters": FILTERS, "deep_supervision": 5}, "from 0 to 4"),
    ({"encoder": "efficientnet-lite0", "encoder_args": {"pretrained": False}}, "from 0 to 2"),
])  # fmt: skip
def test_wrong_keywords_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DynUNet(**change)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_lite_recipe_learns_eight_films_by_heart(data_root: Path) -> None:
    assert overfit("dynunet-lite", data_root, steps=100) > 0.7
