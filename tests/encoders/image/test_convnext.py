"""ConvNeXt, offline: a random start, and weights from a folder."""

from pathlib import Path

import pytest
import torch
from transformers import ConvNextConfig, ConvNextForImageClassification, ConvNextModel

from lexseg.encoders.image import convnext, create_image_encoder
from lexseg.encoders.image.convnext import ConvNeXt
from lexseg.errors import ModelError


@pytest.fixture
def small_size(monkeypatch: pytest.MonkeyPatch) -> ConvNextConfig:
    """A ConvNeXt of a few thousand parameters in place of tiny."""
    monkeypatch.setitem(convnext.SIZES, "tiny", ((1, 1, 2, 1), (8, 16, 24, 32), "nobody/nothing"))
    return ConvNextConfig(depths=[1, 1, 2, 1], hidden_sizes=[8, 16, 24, 32])


def test_tiny_has_the_published_widths_and_needs_no_network() -> None:
    encoder = create_image_encoder("convnext-tiny", pretrained=False)
    assert tuple(encoder.channels) == (96, 192, 384, 768)
    with torch.no_grad():
        maps = encoder.eval()(torch.randn(1, 3, 32, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(96, 8, 16), (192, 4, 8), (384, 2, 4), (768, 1, 2)]


def test_weights_of_a_folder_give_transformers_own_hidden_states(small_size: ConvNextConfig, tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = ConvNextForImageClassification(small_size).eval()
    whole.save_pretrained(tmp_path)
    encoder = ConvNeXt("tiny", pretrained=str(tmp_path)).eval()
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        x = whole.convnext.embeddings(image)
        for ours, stage in zip(encoder(image), whole.convnext.encoder.stages, strict=True):
            x = stage(x)
            torch.testing.assert_close(ours, x)


def test_every_parameter_gets_a_gradient_and_stands_in_one_group(small_size: ConvNextConfig) -> None:
    encoder = ConvNeXt("tiny", pretrained=False)
    sum((m * torch.randn_like(m)).sum() for m in encoder(torch.randn(2, 3, 64, 64))).backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []
    grouped = [id(p) for group in encoder.layer_groups() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in encoder.parameters())


def test_another_size_and_a_missing_folder_are_refused(
    small_size: ConvNextConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    ConvNextModel(ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32])).save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match="not the weights of this size"):
        ConvNeXt("tiny", pretrained=str(tmp_path / "other"))
    with pytest.raises(ModelError, match="pretrained=False"):
        ConvNeXt("tiny", pretrained=str(tmp_path / "none"))
