"""CLIP's ResNet-50: sizes, OpenCLIP's names, and that the spatial pool is CLIP's attention asked by every cell."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.image.clip_resnet import ClipResNet50, SpatialAttentionPool
from lexseg.errors import ModelError


def tiny(pretrained: bool | str = False) -> ClipResNet50:
    torch.manual_seed(0)
    return ClipResNet50(pretrained, width=8, layers=(2, 1, 1, 1), outputs=16, grid=2)


def test_published_shapes_and_size() -> None:
    with torch.device("meta"):
        encoder = ClipResNet50(False)
        maps = encoder.eval()(torch.randn(1, 3, 416, 416))
    assert [tuple(m.shape[1:]) for m in maps] == [(256, 104, 104), (512, 52, 52), (1024, 26, 26), (1024, 13, 13)]
    assert [m.shape[1] for m in maps] == list(encoder.channels)
    fresh = sum(p.numel() for p in encoder.fresh.parameters())
    # CLIP's ResNet-50 has 102.0 M parameters, 63.7 M of them in the text half and its projection
    assert sum(p.numel() for p in encoder.parameters()) - fresh == pytest.approx(38.3e6, rel=0.005)


def open_clip(encoder: ClipResNet50) -> dict[str, Tensor]:
    """The same weights under the names of OpenCLIP's files."""
    prefixes = {
        "stages.0.0.": "visual.", "stages.0.1.": "visual.layer1.", "stages.1.": "visual.layer2.",
        "stages.2.": "visual.layer3.", "stages.3.0.": "visual.layer4.", "stages.3.1.": "visual.attnpool.",
    }  # fmt: skip
    state: dict[str, Tensor] = {"text_projection": torch.randn(12, 16), "token_embedding.weight": torch.randn(3, 12)}
    for name, value in encoder.state_dict().items():
        ours = next(p for p in prefixes if name.startswith(p))
        if ".connect." not in name and not name.endswith("num_batches_tracked"):
            state[prefixes[ours] + name.removeprefix(ours)] = value.contiguous().clone()
    return state


def test_weights_by_open_clips_names(tmp_path: Path) -> None:
    source = tiny().eval()
    with torch.no_grad():
        for p in source.parameters():
            p.add_(0.1 * torch.randn_like(p))
    state = open_clip(source)
    assert {"visual.conv1.weight", "visual.layer1.0.downsample.0.weight", "visual.layer1.1.bn3.running_var",
            "visual.layer4.0.conv2.weight", "visual.attnpool.c_proj.bias"} <= set(state)  # fmt: skip
    save_file(state, tmp_path / "open_clip_model.safetensors")
    loaded = tiny(str(tmp_path)).eval()
    loaded.fresh.load_state_dict(source.fresh.state_dict())
    image = torch.randn(1, 3, 96, 64)
    with torch.no_grad():
        for one, other in zip(source(image), loaded(image), strict=True):
            assert torch.equal(one, other)
    assert loaded.text_projection is not None and torch.equal(loaded.text_projection, state["text_projection"].T)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    state = open_clip(tiny())
    del state["visual.layer2.0.bn2.weight"]
    save_file(state, tmp_path / "open_clip_model.safetensors")
    with pytest.raises(ModelError, match="not the weights of this CLIP ResNet"):
        tiny(str(tmp_path))
    with pytest.raises(ModelError, match=r"open_clip_model.safetensors is missing"):
        (tmp_path / "empty").mkdir()
        tiny(str(tmp_path / "empty"))


def test_each_cell_asks_as_clips_mean_does() -> None:
    """Against torch's own attention: the pool of CLIP, with every cell in the place of the mean."""
    torch.manual_seed(0)
    pool = SpatialAttentionPool(16, 12, 2, 3).eval()
    x = torch.randn(2, 16, 3, 3)
    tokens = x.flatten(2).permute(2, 0, 1) + pool.positional_embedding[1:, None]
    with torch.no_grad():
        want = F.multi_head_attention_forward(
            tokens, tokens, tokens, 16, 2, None,
            torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]), None, None, False, 0.0,
            pool.c_proj.weight, pool.c_proj.bias, training=False, need_weights=False, use_separate_proj_weight=True,
            q_proj_weight=pool.q_proj.weight, k_proj_weight=pool.k_proj.weight, v_proj_weight=pool.v_proj.weight,
        )[0]  # fmt: skip
        want = F.relu(want.permute(1, 2, 0).unflatten(2, (3, 3)) + pool.connect(x))
        torch.testing.assert_close(pool(x), want)


def test_every_parameter_gets_a_gradient_and_stands_in_one_group() -> None:
    encoder = tiny()
    sum((m * torch.randn_like(m)).sum() for m in encoder(torch.randn(2, 3, 96, 64))).backward()
    # keys' biases shift all scores of a query alike
    dead = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert [n for n in dead if not n.endswith("k_proj.bias")] == []
    grouped = [id(p) for group in encoder.layer_groups() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in encoder.parameters())
