"""Attention by plain products, and the pyramid, against torch's own."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.losses.pooling import pyramid
from lexseg.models.parts.attention import MANY, attend


def answer(heads: int, keys: int, plain: bool) -> list[Tensor]:
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(16, heads, batch_first=True)
    nn.init.normal_(attention.in_proj_bias)
    q, k, v = (torch.randn(3, n, 16, requires_grad=True) for n in (7, keys, keys))
    mask = torch.arange(keys)[None] < torch.tensor([[keys], [1], [3]])
    found = (
        attend(attention, q, k, v, mask) if plain else attention(q, k, v, key_padding_mask=~mask, need_weights=False)[0]
    )
    found.square().sum().backward()
    return [found, *(x.grad for x in (q, k, v, *attention.parameters()) if x.grad is not None)]


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("keys", [5, MANY])
def test_attends_as_torch_does(heads: int, keys: int) -> None:
    ours, theirs = answer(heads, keys, plain=True), answer(heads, keys, plain=False)
    assert len(ours) == 8
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_dropout_is_of_training_alone() -> None:
    attention = nn.MultiheadAttention(16, 4, dropout=0.5, batch_first=True)
    x = torch.randn(2, 5, 16)
    assert not torch.equal(attend(attention, x, x, x), attend(attention, x, x, x))
    attention.eval()
    assert torch.equal(attend(attention, x, x, x), attend(attention, x, x, x))


@pytest.mark.parametrize("size", [(96, 64), (90, 50)])
def test_a_pyramid_is_the_mean_of_each_cell(size: tuple[int, int]) -> None:
    x = torch.rand(2, 1, *size)
    sizes = [(size[0] // s, size[1] // s) for s in (8, 4, 32, 16)]
    for found, mean in pyramid(x, sizes).items():
        torch.testing.assert_close(mean, F.adaptive_avg_pool2d(x, found))
