"""MSCAN: shapes, sizes, the block, and SegNeXt's weight files."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.mscan import MSCAN, MSCANBlock, add_branches, segnext_name
from lexseg.errors import ModelError


@pytest.mark.parametrize(("size", "millions"), [("tiny", 4.2), ("small", 14.0), ("base", 26.8)])
def test_sizes_are_the_published_ones(size: str, millions: float) -> None:
    """The paper's counts include the 1,000-class head of the ImageNet pretraining (Guo et al. 2022, table 7)."""
    encoder = create_image_encoder(f"mscan-{size}", pretrained=False)
    head = (encoder.channels[-1] + 1) * 1000
    assert (sum(p.numel() for p in encoder.parameters()) + head) / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize("shape", [(64, 96), (32, 32)])
def test_four_maps_at_their_strides(shape: tuple[int, int]) -> None:
    encoder = MSCAN("tiny")
    maps = encoder(torch.randn(2, 3, *shape))
    expected = [(2, c, shape[0] // s, shape[1] // s) for c, s in zip(encoder.channels, encoder.strides, strict=True)]
    assert [tuple(m.shape) for m in maps] == expected


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    encoder = MSCAN("tiny", drop_path=0.0)
    sum((m * torch.randn_like(m)).sum() for m in encoder(torch.randn(2, 3, 64, 64))).backward()
    dead = [n for n, p in encoder.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-6]
    assert dead == []


def test_block_starts_near_identity_and_leaves_the_merge_to_its_caller() -> None:
    torch.manual_seed(0)
    block = MSCANBlock(16).eval()
    x = torch.randn(1, 16, 8, 8)
    assert (block(x) - x).norm() < 0.1 * x.norm()
    seen: list[int] = []

    def merge(branches: list[Tensor]) -> Tensor:
        seen.append(len(branches))
        return add_branches(branches)

    assert torch.equal(block(x, merge), block(x))
    assert seen == [4]
    assert not torch.allclose(block(x, lambda branches: branches[0]), block(x), atol=1e-6)


def test_strips_reach_far_along_rows_and_columns_only() -> None:
    """A single lit pixel reaches 2 + 10 rows and columns, but the corners only through the 5x5 (and 1x1)."""
    torch.manual_seed(0)
    attention = MSCANBlock(4).attention
    x = torch.zeros(1, 4, 41, 41, requires_grad=True)
    out = add_branches([attention.local(x), *(s(attention.local(x)) for s in attention.strips)])
    out[0, :, 20, 20].sum().backward()
    reach = x.grad.abs().sum((0, 1)) > 0
    assert reach[20 - 12, 20] and reach[20, 20 + 12] and not reach[20 - 13, 20]
    assert reach[20 - 12, 20 - 12]  # a 1x21 after a 21x1 covers the square of side 2 * 12 + 1 around the pixel


def test_layer_groups_hold_each_parameter_once() -> None:
    encoder = MSCAN("tiny")
    grouped = [id(p) for group in encoder.layer_groups() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in encoder.parameters())


def _as_segnext(encoder: MSCAN) -> dict[str, Tensor]:
    weights = {segnext_name(k): v.clone() for k, v in encoder.state_dict().items()}
    for k in list(weights):
        if k.endswith(("layer_scale_1", "layer_scale_2")):
            weights[k] = weights[k].flatten()
    return weights


def test_reads_segnext_files_with_biases_before_batch_norm(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = MSCAN("tiny").eval()
    weights = _as_segnext(encoder)
    assert {
        "patch_embed1.proj.3.weight",
        "patch_embed2.proj.weight",
        "patch_embed2.norm.running_var",
        "norm4.bias",
    } <= set(weights)
    assert {
        "block3.4.attn.spatial_gating_unit.conv2_2.bias",
        "block1.0.attn.proj_1.weight",
        "block1.2.mlp.dwconv.dwconv.weight",
        "block4.1.layer_scale_2",
        "block2.0.norm1.running_mean",
    } <= set(weights)
    for k in [k for k in weights if k.startswith("patch_embed") and weights[k].dim() == 4]:
        weights[k.replace("weight", "bias")] = torch.randn(len(weights[k]))
    torch.save({"state_dict": {**weights, "head.weight": torch.zeros(2)}}, tmp_path / "mscan_t.pth")
    read = MSCAN("tiny", pretrained=str(tmp_path / "mscan_t.pth")).eval()

    reference = MSCAN("tiny").eval()
    reference.load_state_dict(encoder.state_dict())
    for name, conv in reference.named_modules():
        if isinstance(conv, nn.Conv2d) and ".embed." in name:
            conv.bias = nn.Parameter(weights[segnext_name(f"{name}.weight").replace("weight", "bias")])
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for ours, theirs in zip(read(image), reference(image), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    weights = _as_segnext(MSCAN("tiny"))
    torch.save({**weights, "block9.0.norm1.weight": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(ModelError, match="no place for"):
        MSCAN("tiny", pretrained=str(tmp_path / "more.pth"))
    with pytest.raises(ModelError, match="missing or of another size"):
        MSCAN("small", pretrained=str(tmp_path / "more.pth"))
    with pytest.raises(ModelError, match="no package brings"):
        MSCAN("tiny", pretrained=True)
    with pytest.raises(ModelError, match="tiny, small, base"):
        MSCAN("huge")  # type: ignore[arg-type]
