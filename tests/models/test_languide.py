"""LanGuideMedSeg: what every model holds to, that it is TMCA's base, and what the released code's faults do."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pytest import MonkeyPatch

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.languide import LanGuide
from lexseg.models.parts import guide_decoder
from lexseg.models.parts.attention import attend
from lexseg.models.parts.guide_decoder import GuideLayer, SubPixelHead
from lexseg.models.tmca import TMCA
from lexseg.training.recipe import read_recipe

from .base import WIDTH, ModelTests, images, sentences, target
from .overfit import overfit

SMALL: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "text_width": WIDTH,
    "widths": [32, 24, 16, 16],
    "head_channels": 1,
}


class TestLanGuide(ModelTests):
    name = "languide"
    arguments: ClassVar = SMALL
    learning: ClassVar = {"encoder_args": {"pretrained": True}}


class TestAsPublished(ModelTests):
    name = "languide"
    learns: ClassVar = False  # the squares are learnt above
    arguments: ClassVar = SMALL | {"as_published": True, "head_channels": 4}
    test_exports = None  # nobody deploys the faults


def small(**changes: Any) -> LanGuide:
    torch.manual_seed(0)
    return LanGuide(**(SMALL | changes))


# How it relates to TMCA (the ablation A1).


@pytest.mark.parametrize(
    "common",
    [{}, {"text_adapter": {"dim": 16, "dropout": 0.0}, "self_attention": [32]}, {"guide": False},
     {"presence_weight": 0.0, "head_channels": 4}],
)  # fmt: skip
def test_it_is_tmca_without_its_components(common: dict[str, Any]) -> None:
    """Same parameters under the same names, drawn in the same order; same answers and losses, bit for bit."""
    ours = small(**common)
    torch.manual_seed(0)
    tmca = TMCA(**(SMALL | common), alignment_levels=[], enhancement=False)
    assert list(ours.state_dict()) == list(tmca.state_dict())
    assert all(torch.equal(value, tmca.state_dict()[name]) for name, value in ours.state_dict().items())
    assert ours.loss_names == tmca.loss_names
    for mode in (True, False):
        one, other = (m.train(mode).training_losses(images(), sentences(null=(3,)), target()) for m in (ours, tmca))
        assert list(one) == list(other)
        assert all(torch.equal(one[n], other[n]) for n in one)
    with torch.no_grad():
        assert torch.equal(ours(images(), sentences()).logits, tmca(images(), sentences()).logits)


def test_the_lite_recipes_differ_by_tmcas_components_alone() -> None:
    ours, tmca = read_recipe("languide-lite"), read_recipe("tmca-lite")
    components = {"joint_dim", "gate", "margin", "swapped_weight"}
    assert ours.model == {k: v for k, v in tmca.model.items() if k not in components}
    assert ours.optimizer == replace(tmca.optimizer, loss_warmup={})
    assert (ours.text, ours.data, ours.augment, ours.trainer) == (tmca.text, tmca.data, tmca.augment, tmca.trainer)


# The published graph, and what as_published brings back.


def test_published_graph_has_the_size_that_its_widths_give() -> None:
    with torch.device("meta"):
        model = LanGuide(encoder_args={"pretrained": False}, presence_weight=0.0, as_published=True)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(42.2, abs=0.2)
    assert [g.slots for g in model.guides] == [24, 12, 9]  # type: ignore[union-attr]


def long_sentence(words: int = 30) -> TextBatch:
    states = torch.randn(1, words, WIDTH, generator=torch.Generator().manual_seed(3))
    there = torch.ones(1, words, dtype=torch.bool)
    return TextBatch(there, torch.tensor([1]), torch.tensor([False]), states=states)


@pytest.mark.parametrize("as_published", [False, True])
def test_only_as_published_cuts_what_follows_the_24th_token(as_published: bool) -> None:
    model = small(as_published=as_published).eval()
    whole = long_sentence()
    assert whole.states is not None
    cut = replace(whole, states=whole.states[:, :24], attention_mask=whole.attention_mask[:, :24])
    with torch.no_grad():
        assert torch.equal(model(images(1), whole).logits, model(images(1), cut).logits) == as_published


@pytest.mark.parametrize("slots", [0, 9])
def test_only_as_published_attends_to_padding(slots: int) -> None:
    torch.manual_seed(0)
    layer = GuideLayer(16, WIDTH, slots=slots).eval()
    x, words, mask = torch.randn(1, 16, 3, 4), torch.randn(1, 24, WIDTH), torch.arange(24)[None] < 5
    other = torch.where(mask[..., None], words, torch.randn(1, 24, WIDTH))
    with torch.no_grad():
        assert torch.equal(layer(x, words, mask), layer(x, other, mask)) == (slots == 0)


@pytest.mark.parametrize("slots", [0, 9])
def test_a_layer_answers_as_with_torchs_own_attention(slots: int, monkeypatch: MonkeyPatch) -> None:
    def theirs(
        attention: torch.nn.MultiheadAttention,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        unread = None if mask is None else ~mask
        answer: torch.Tensor = attention(query, key, value, key_padding_mask=unread, need_weights=False)[0]
        return answer

    torch.manual_seed(0)
    layer = GuideLayer(32, WIDTH, slots=slots, cross="guide")
    torch.nn.init.normal_(layer.scale)
    inputs = torch.randn(2, 32, 6, 8), torch.randn(2, 24, WIDTH), torch.arange(24)[None] < torch.tensor([[24], [5]])
    ours = layer(*inputs)
    monkeypatch.setattr(guide_decoder, "attend", theirs)
    torch.testing.assert_close(ours, layer(*inputs), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("slots", "told_apart"), [(0, True), (9, False)])
def test_as_published_numbers_cells_along_a_raster(slots: int, told_apart: bool, monkeypatch: MonkeyPatch) -> None:
    """The last cell of a row and the first of the next are neighbours then, and far apart in ours."""
    torch.manual_seed(0)
    layer = GuideLayer(32, WIDTH, slots=slots, cross="guide").eval()
    asked: list[torch.Tensor] = []

    def listen(attention: torch.nn.MultiheadAttention, query: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        if attention is layer.cross_attention:
            asked.append(query)
        return attend(attention, query, *rest)

    monkeypatch.setattr(guide_decoder, "attend", listen)
    layer(torch.zeros(1, 32, 8, 8), torch.randn(1, 24, WIDTH), torch.ones(1, 24) > 0)
    code = asked[0][0] - layer.norm_cross.bias
    wrapped, beside = (code[8] - code[7]).norm(), (code[1] - code[0]).norm()
    assert (wrapped > 1.25 * beside) == told_apart


def test_cross_entropy_is_left_out_as_published() -> None:
    """There it is a softmax over one channel, which is one everywhere."""
    ours, published = (small(as_published=p) for p in (False, True))
    assert ours.loss_names == ("dice", "bce", "presence")
    assert published.loss_names == ("dice", "presence")
    assert set(published.training_losses(images(), sentences(), target())) == {"dice", "presence"}


def test_the_published_head_moves_the_map_by_a_pixel_and_a_half() -> None:
    def centre(blur: bool) -> torch.Tensor:
        head = SubPixelHead(4, 2, blur=blur)
        for p in head.parameters():
            torch.nn.init.constant_(p, 1.0 if p.ndim > 1 else 0.0)
        x = torch.zeros(1, 4, 8, 8)
        x[..., 4, 3] = 1
        with torch.no_grad():
            mass = head(x)[0, 0]
        rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
        return torch.stack([(mass * rows).sum(), (mass * columns).sum()]) / mass.sum()

    torch.testing.assert_close(centre(True) - centre(False), torch.tensor([1.5, 1.5]))


def test_without_guide_the_words_change_no_pixel() -> None:
    model = small(guide=False).eval()
    with torch.no_grad():
        one, other = (model(images(2), sentences(2, seed=s)).logits for s in (1, 5))
    assert torch.equal(one, other)


@pytest.mark.slow
def test_lite_recipe_learns_eight_films_by_heart(data_root: Path) -> None:
    assert overfit("languide-lite", data_root) > 0.7
