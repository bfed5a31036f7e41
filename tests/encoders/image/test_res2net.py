"""Res2Net-50: size, maps, the block's groups, and the authors' weight files."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.res2net import Res2Net50, _Block
from lexseg.errors import ModelError


@pytest.fixture(scope="module")
def encoder() -> Res2Net50:
    torch.manual_seed(0)
    return Res2Net50(pretrained=False)


def test_its_size_is_the_published_one(encoder: Res2Net50) -> None:
    """25.7 M with the 1,000-class head (Gao et al. 2021, table 2: Res2Net-50 at 26w x 4s)."""
    total = sum(p.numel() for p in encoder.parameters()) + (encoder.channels[-1] + 1) * 1000
    assert total / 1e6 == pytest.approx(25.7, abs=0.05)


def test_maps_at_their_strides_and_the_stem_before_them(encoder: Res2Net50) -> None:
    encoder.eval()
    with torch.no_grad():
        five, four = encoder.with_stem(torch.ones(1, 3, 64, 96)), encoder(torch.ones(1, 3, 64, 96))
    shapes = [(1, c, 64 // s, 96 // s) for c, s in zip((64, *encoder.channels), (4, *encoder.strides), strict=True)]
    assert [tuple(m.shape) for m in five] == shapes
    assert all(torch.equal(a, b) for a, b in zip(five[1:], four, strict=True))


def test_every_parameter_stands_in_one_group(encoder: Res2Net50) -> None:
    groups = encoder.layer_groups()
    assert len(groups) == 5
    assert sorted(id(p) for g in groups for p in g) == sorted(id(p) for p in encoder.parameters())


def test_groups_see_farther_and_farther() -> None:
    """After the first block of a stage each group reads the one before it: an impulse spreads by a pixel a group."""
    block = _Block(64, 16, 1, first=False).eval()
    assert block.conv1.out_channels == 24  # 16 * 26 / 64 = 6 in each of four groups
    seen = []
    for module in block.bns:
        module.register_forward_hook(lambda _m, _i, out: seen.append(out))
    for parameter in block.parameters():
        nn.init.constant_(parameter, 0.1)
    image = torch.zeros(1, 64, 9, 9)
    with torch.no_grad():
        block(image)
        still = [s.clone() for s in seen]
        seen.clear()
        image[..., 4, 4] = 1
        block(image)
    changed = [int(((a - b).abs().amax(1) > 1e-7).sum()) for a, b in zip(seen, still, strict=True)]
    assert changed == [9, 25, 49]


def authors_names(encoder: Res2Net50) -> dict[str, torch.Tensor]:
    """The state as in the authors' files: conv1 and bn1 the stem, layer1 to layer4 the stages, fc the classes."""
    out = {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    for name, value in encoder.state_dict().items():
        _, stage, rest = name.split(".", 2)
        if stage == "0" and rest.startswith("0."):
            index, _, leaf = rest[2:].partition(".")
            out[f"bn1.{leaf}" if index == "7" else f"conv1.{index}.{leaf}"] = value
        else:
            out[f"layer{int(stage) + 1}.{rest.removeprefix('1.') if stage == '0' else rest}"] = value
    return out


def test_the_authors_file_is_read_strictly(encoder: Res2Net50, tmp_path: Path) -> None:
    weights = authors_names(encoder)
    assert {"conv1.0.weight", "conv1.6.weight", "bn1.running_var", "layer1.0.convs.2.weight", "layer4.2.bn3.bias",
            "layer2.0.downsample.1.weight"} <= set(weights)  # fmt: skip
    torch.save(weights, tmp_path / "res2net.pth")
    loaded = Res2Net50(pretrained=str(tmp_path / "res2net.pth"))
    assert all(
        torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), encoder.state_dict().values(), strict=True)
    )
    torch.save({"layer3.5.conv3.weight": weights["layer3.5.conv3.weight"]}, tmp_path / "less.pth")
    with pytest.raises(ModelError, match="not the weights of Res2Net-50"):
        Res2Net50(pretrained=str(tmp_path / "less.pth"))


def test_weights_that_are_nowhere_are_said_to_be() -> None:
    with pytest.raises(ModelError, match="no package holds"):
        create_image_encoder("res2net-50")
    with pytest.raises(ModelError, match="no such file"):
        create_image_encoder("res2net-50", pretrained="nowhere.pth")
