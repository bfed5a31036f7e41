"""LSMS: the contract, its switches, and a test for each defect of the code it descends from."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.mscan import MSCANBlock, add_branches
from lexseg.encoders.text.batch import no_sentences
from lexseg.models import create_model
from lexseg.models.lsms import LSMS
from lexseg.models.lsms.full_scale_decoder import FullScaleAggregation, FullScaleDecoder, ScaleMixer
from lexseg.models.lsms.hamburger import NMF
from lexseg.models.lsms.svla import BatchWords, LanguageBranch, SVLAEncoder, pixel_norm
from lexseg.training.recipe import read_recipe, shipped_recipes

from .base import WIDTH, ModelTests, images, jitter, sentences, target

SMALL: dict[str, Any] = {"width": 32, "part": 8, "mixer_layers": 1, "mixer_heads": 4}
TINY: dict[str, Any] = {
    "encoder": "mscan-tiny",
    "encoder_args": {"drop_path": 0.0},
    "text_width": WIDTH,
    "decoder_args": SMALL,
    "joint_dim": 16,
}
LITE: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "text_width": WIDTH,
    "text_adapter": {"dim": 32, "dropout": 0.0},
    "decoder_args": {**SMALL, "context": "none"},
    "upsample": "subpixel",
}


class TestTiny(ModelTests):
    name = "lsms"
    arguments: ClassVar = TINY
    learns = False  # it does; TestLite stands for it, to keep the tests short


class TestLite(ModelTests):
    name = "lsms"
    arguments: ClassVar = LITE


class TestWordsInTheDecoderOnly(ModelTests):
    name = "lsms"
    arguments: ClassVar = {**TINY, "language_blocks": "none", "contrastive_weight": 0.0}
    learns = False


class TestHamburgerHead(ModelTests):
    name = "lsms"
    arguments: ClassVar = {
        **TINY,
        "language_blocks": "stage",
        "scale_weights": False,
        "decoder": "hamburger",
        "decoder_args": {"width": 32, "rank": 4, "dropout": 0.0},
    }
    learns = False


class TestSwapped(ModelTests):
    name = "lsms"
    arguments: ClassVar = {**LITE, "swapped_weight": 0.2}
    learns = False


class TestUntoldApart(ModelTests):
    name = "lsms"
    arguments: ClassVar = {**LITE, "swapped_weight": 0.2, "untold": "apart"}
    learns = False


class TestSwappedOnMSCAN(ModelTests):
    name = "lsms"
    arguments: ClassVar = {**TINY, "swapped_weight": 0.2}
    learns = False


def words(n: int = 2, length: int = 5) -> BatchWords:
    mask = torch.arange(length)[None] < torch.tensor([length - i for i in range(n)])[:, None]
    return BatchWords(torch.randn(n, length, WIDTH) * mask[..., None], mask)


# The defects of the public SLViT code.


def test_relevance_is_no_constant() -> None:
    """Defect: a softmax summed over its own axis, so a "correlation map" of ones."""
    model = create_model("lsms", **TINY).eval()
    with torch.no_grad():
        maps = model(images(2), sentences(2)).maps
    assert list(maps) == ["relevance@4", "relevance@8", "relevance@16", "relevance@32"]
    assert all(m.std() > 0.01 for m in maps.values())


def test_relevance_is_the_best_score_of_any_word_before_the_softmax() -> None:
    torch.manual_seed(0)
    branch, given = LanguageBranch(16, WIDTH), words(2)
    local = torch.randn(2, 16, 3, 4)
    _, (relevance, queries) = branch([local] * 4, given)
    q = pixel_norm(branch.query(local.flatten(2).transpose(1, 2)))
    score = q @ branch.key(given.states).transpose(1, 2) / 4.0
    expected = score.masked_fill(~given.mask[:, None], -torch.inf).amax(-1)
    torch.testing.assert_close(relevance.flatten(1), expected)
    torch.testing.assert_close(queries.flatten(2).transpose(1, 2), q)


def test_optimiser_is_given_the_parts_between_the_scales() -> None:
    """Defect: parameter groups that leave the cross-scale module out, which so never trains."""
    model = create_model("lsms", **TINY)
    grouped = {id(p) for layers in model.parameter_groups().values() for layer in layers for p in layer}
    mixer = model.decoder.mixer  # type: ignore[union-attr]
    assert isinstance(mixer, ScaleMixer)
    assert all(id(p) in grouped for p in mixer.parameters())
    jitter(model)
    before = {n: p.detach().clone() for n, p in mixer.named_parameters()}
    optimizer = torch.optim.SGD([p for g in model.parameter_groups().values() for layer in g for p in layer], 0.1)
    sum(model.train().training_losses(images(), sentences(), target()).values()).backward()
    optimizer.step()
    assert [n for n, p in mixer.named_parameters() if torch.equal(p, before[n])] == []


def test_language_branch_has_no_dead_parameters() -> None:
    """Defect: a visual projection that is built and never used. Nor are there biases that a norm would undo."""
    torch.manual_seed(0)
    branch = LanguageBranch(16, WIDTH)
    local = torch.randn(2, 16, 4, 4)
    merged, _ = branch([local, local, local, local], words(2))
    (merged * torch.randn_like(merged)).sum().backward()
    assert [n for n, p in branch.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-4] == []


def test_number_of_parameters_is_the_specs() -> None:
    """4.1 counts 0.115 M, 0.263 M, 0.902 M and 1.837 M at 768-wide states (we have no biases, but scale weights)."""
    for dim, millions in ((64, 0.115), (128, 0.263), (320, 0.902), (512, 1.837)):
        count = sum(p.numel() for p in LanguageBranch(dim, 768).parameters()) / 1e6
        assert count == pytest.approx(millions, abs=0.005)


def test_cells_are_moved_without_loops_over_them() -> None:
    """Defect: gathering and scattering cells in Python double loops. Doubling the grid must not add a single call."""

    def calls(size: int) -> int:
        mixer = ScaleMixer(16, WIDTH, layers=1, heads=2)
        maps = [torch.randn(1, 16, size * k, size * k) for k in (8, 4, 2, 1)]
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            mixer(maps, words(1))
        return sum(e.count for e in profile.key_averages() if e.key.startswith("aten::"))

    calls(2)  # warm-up
    assert calls(4) == calls(2)


def test_matrix_decomposition_stays_where_the_map_is() -> None:
    """Defect: bases forced onto CUDA. "meta" stands for any device that is not the default one."""
    nmf = NMF(8, rank=3)
    assert nmf(torch.rand(2, 8, 4, 4)).device.type == "cpu"
    assert nmf.to("meta").start.device.type == "meta"


# The language branch.


def test_branches_start_as_the_plain_sum() -> None:
    torch.manual_seed(0)
    branches = [torch.randn(2, 16, 4, 4) for _ in range(4)]
    weighted, plain = LanguageBranch(16, WIDTH), LanguageBranch(16, WIDTH, scale_weights=False)
    plain.load_state_dict({k: v for k, v in weighted.state_dict().items() if not k.startswith("scales")})
    given = words(2)
    torch.testing.assert_close(weighted(branches, given)[0], plain(branches, given)[0])
    with torch.no_grad():
        weighted.scales.bias[4] = 50.0  # type: ignore[union-attr]
    spoken = plain(branches, given)[0] - add_branches(branches)
    torch.testing.assert_close(weighted(branches, given)[0], 5 * spoken, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("dim", "heads"), [(24, 1), (64, 1), (128, 2), (160, 2), (320, 5), (512, 8)])
def test_heads(dim: int, heads: int) -> None:
    branch = LanguageBranch(dim, WIDTH)
    assert branch.heads == heads
    assert branch([torch.randn(1, dim, 2, 2)] * 4, words(1))[0].shape == (1, dim, 2, 2)


def test_one_head_is_plain_attention() -> None:
    torch.manual_seed(0)
    branch, given = LanguageBranch(16, WIDTH, scale_weights=False), words(2)
    local = torch.randn(2, 16, 3, 3)
    pixels = local.flatten(2).transpose(1, 2)
    q, k, v = pixel_norm(branch.query(pixels)), branch.key(given.states), branch.value(given.states)
    weight = (q @ k.transpose(1, 2) / 4).masked_fill(~given.mask[:, None], -torch.inf).softmax(-1)
    out = pixel_norm(branch.out(weight @ v))
    expected = local + (branch.gate(out) * out).transpose(1, 2).reshape(local.shape)
    zeros = torch.zeros_like(local)
    torch.testing.assert_close(branch([local, zeros, zeros, zeros], given)[0], expected)


def test_pixel_norm_is_instance_norm_and_takes_a_single_pixel() -> None:
    x = torch.randn(2, 9, 5)
    torch.testing.assert_close(pixel_norm(x), nn.InstanceNorm1d(5)(x.transpose(1, 2)).transpose(1, 2))
    assert torch.equal(pixel_norm(torch.randn(2, 1, 5)), torch.zeros(2, 1, 5))


# The encoder.


@pytest.mark.parametrize(("blocks", "count"), [("all", 13), ("stage", 4), ("none", 0)])
def test_words_enter_the_blocks_that_were_asked_for(blocks: Any, count: int) -> None:
    encoder = SVLAEncoder(create_image_encoder("mscan-tiny"), WIDTH, language_blocks=blocks)
    assert sum(isinstance(m, LanguageBranch) for m in encoder.modules()) == count
    assert sum(isinstance(m, MSCANBlock) for m in encoder.modules()) == 13  # the encoder's own, no copies


LITE_RECIPES = [
    name
    for name in shipped_recipes()
    if (recipe := read_recipe(name)).method == "lsms" and recipe.model.get("encoder") == "efficientnet-lite0"
]


@pytest.mark.parametrize("recipe", [None, *LITE_RECIPES])
def test_on_lite0_pretrained_maps_survive_the_added_blocks(recipe: str | None) -> None:
    """By default, and as the shipped recipes have it."""
    torch.manual_seed(0)
    trunk = create_image_encoder("efficientnet-lite0")
    arguments = read_recipe(recipe).model.get("svla_args", {}) if recipe else {}
    encoder = SVLAEncoder(trunk, WIDTH, **arguments).train()
    trunk.eval()
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        plain, (spoken, _) = trunk(image), encoder(image, words(2))
    for i, (a, b) in enumerate(zip(plain, spoken, strict=True)):
        assert nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.97, f"stage {i}"


def test_image_is_encoded_once_only_where_words_stay_out_of_the_encoder() -> None:
    assert len(create_model("lsms", **TINY).encode_image(images(1)).maps) == 1
    outside = create_model("lsms", **{**TINY, "language_blocks": "none"}).encode_image(images(1))
    assert [m.shape[1] for m in outside.maps] == [32, 64, 160, 256]


def test_trains_in_mixed_precision() -> None:
    model = create_model("lsms", **LITE).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model.training_losses(images(4), sentences(4, null=(1,)), target(4))
    sum(losses.values()).backward()
    assert all(v.isfinite() and v.dtype == torch.float32 for v in losses.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


# The decoder.


def test_decoder_starts_without_the_mixer_and_scales_reach_one_another() -> None:
    torch.manual_seed(0)
    mixer, given = ScaleMixer(16, WIDTH, layers=1, heads=2).eval(), words(1)
    maps = [torch.randn(1, 16, 2 * k, 2 * k) for k in (8, 4, 2, 1)]
    for before, after in zip(maps, mixer(maps, given), strict=True):
        assert torch.equal(before, after)
    nn.init.ones_(mixer.gates)
    deep = maps[3].clone().requires_grad_()
    mixer([*maps[:3], deep], given)[0].sum().backward()
    assert deep.grad is not None and deep.grad.abs().max() > 0


def test_every_scale_is_decoded_from_all_scales() -> None:
    torch.manual_seed(0)
    aggregation = FullScaleAggregation(8, part=4).eval()
    maps = [torch.randn(1, 8, 2 * k, 2 * k, requires_grad=True) for k in (8, 4, 2, 1)]
    out = aggregation(maps)
    assert out.shape == (1, 16, 16, 16)
    out.sum().backward()
    assert all(m.grad is not None and m.grad.abs().max() > 0 for m in maps)


@pytest.mark.parametrize(
    "changes", [{"mixer_layers": 0}, {"aggregate": False}, {"context": "hamburger", "rank": 4}, {"context": "none"}]
)
def test_parts_of_the_decoder_can_be_switched(changes: dict[str, Any]) -> None:
    decoder = FullScaleDecoder((8, 12, 16, 20), WIDTH, **{**SMALL, **changes})
    maps = [torch.randn(2, c, 2 * k, 2 * k) for c, k in ((8, 8), (12, 4), (16, 2), (20, 1))]
    out = decoder(maps, words(2))
    assert out.shape == (2, decoder.channels, 16, 16)
    whole = FullScaleDecoder((8, 12, 16, 20), WIDTH, **SMALL)
    assert sum(p.numel() for p in decoder.parameters()) != sum(p.numel() for p in whole.parameters())


def test_nmf_recovers_a_low_rank_map() -> None:
    torch.manual_seed(0)
    low = (torch.rand(12, 2) @ torch.rand(2, 16)).reshape(1, 12, 4, 4)
    nmf = NMF(12, rank=4, steps=200).eval()
    assert (nmf(low) - low).norm() < 0.02 * low.norm()
    noise = torch.rand(1, 12, 4, 4)
    assert (NMF(12, rank=1, steps=50).eval()(noise) - noise).norm() > 0.2 * noise.norm()


# Configuration.


def test_contrastive_terms_can_be_left_out() -> None:
    model = create_model("lsms", **{**TINY, "contrastive_weight": 0})
    assert model.loss_names == ("dice", "bce", "presence")
    assert not [n for n, _ in model.named_parameters() if "joint" in n]


def test_a_scale_that_svla_would_pass_by_is_refused() -> None:
    arguments = {"pretrained": False, "even_scale": True}
    with pytest.raises(ValueError, match="even_scale"):
        LSMS(**{**TINY, "encoder": "efficientnet-lite0", "encoder_args": arguments})


def test_words_that_nobody_reads_are_refused() -> None:
    with pytest.raises(ValueError, match="unet"):
        LSMS(**{**TINY, "language_blocks": "none", "decoder_args": {**SMALL, "mixer_layers": 0}})
    with pytest.raises(ValueError, match="unet"):
        LSMS(**{**TINY, "language_blocks": "none", "decoder": "hamburger", "decoder_args": {"width": 32}})


def test_null_sentences_are_left_out_of_the_contrastive_terms() -> None:
    model = create_model("lsms", **TINY).eval()
    text = sentences(4, null=(0, 1, 2, 3))
    losses = model.training_losses(images(4), text, target(4))
    assert losses["pixel"] == 0 and losses["region"] == 0
    one = replace(text, is_null=torch.tensor([False, True, True, True]), attention_mask=sentences(4).attention_mask)
    assert model.training_losses(images(4), one, target(4))["pixel"] > 0


def test_headline_size_builds() -> None:
    with torch.device("meta"):
        model = LSMS(encoder="mscan-base")
    branches = sum(p.numel() for m in model.modules() if isinstance(m, LanguageBranch) for p in m.parameters())
    assert branches / 1e6 == pytest.approx(17.5, abs=0.2)  # millions, worked out from the widths
    assert isinstance(model.decoder, FullScaleDecoder)


# Swapped sentences (OURS).


def lite(**changes: Any) -> LSMS:
    torch.manual_seed(0)
    return LSMS(**{**LITE, "swapped_weight": 0.2, **changes})


def test_swapped_sentences_train_queries_and_keys_and_need_to_be_there() -> None:
    model = lite()
    jitter(model)
    model.train().training_losses(images(8), sentences(8), target(8))["swapped"].backward()
    for branches in model.encoder.branches:
        for part in (branches[-1].query, branches[-1].key):  # type: ignore[index,union-attr]
            assert part.weight.grad is not None and part.weight.grad.abs().sum() > 0
    assert all(p.grad is None or not p.grad.any() for p in model.decoder.parameters())
    with pytest.raises(ValueError, match="must hold `swapped`"):
        model.training_losses(images(4), replace(sentences(4), swapped=()), target(4))
    with pytest.raises(ValueError, match="language_blocks must not be 'none'"):
        lite(language_blocks="none")


def test_images_read_without_words_know_no_sentence() -> None:
    """Otherwise the map could say which sentence it was read with, and the term would teach nothing."""
    model, text = lite().eval(), sentences(4)
    other = sentences(4, seed=5)
    with torch.no_grad():
        features = model.encode_for(images(4), text)
        null = model._words(no_sentences(text, 1))
        heard = [model._read(features, model._words(t), null)[1] for t in (text, other)]
    for one, two in zip(*heard, strict=True):
        torch.testing.assert_close(one.queries[4:], two.queries[4:])
        assert not torch.allclose(heard[0][-1].queries[:4], heard[1][-1].queries[:4])


def test_the_answer_does_not_depend_on_the_term() -> None:
    with_term, without = lite().eval(), lite(swapped_weight=0.0).eval()
    assert with_term.state_dict().keys() == without.state_dict().keys()
    one, two = (m.training_losses(images(4), sentences(4), target(4)) for m in (with_term, without))
    for name in two:
        if name != "pixel":  # draws its pixels
            torch.testing.assert_close(one[name], two[name])


# Images without words in a pass of their own (OURS).


def running(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.named_buffers() if "running" in name}


@pytest.mark.parametrize(("untold", "told_alone"), [("apart", True), ("beside", False)])
@pytest.mark.parametrize("swapped", [0.0, 0.2])
def test_what_a_model_is_asked_with_is_of_told_images_alone(untold: Any, told_alone: bool, swapped: float) -> None:
    """The running statistics are those of a training that reads no image without words."""
    model, plain = lite(untold=untold, swapped_weight=swapped), lite(swapped_weight=0.0, contrastive_weight=0.0)
    jitter(model)
    plain.load_state_dict(model.state_dict(), strict=False)
    for one in (model, plain):
        one.train().training_losses(images(4), sentences(4), target(4))
    found, expected = running(model), running(plain)
    assert found.keys() == expected.keys() and len(found) > 50
    assert all(torch.equal(found[name], expected[name]) for name in found) == told_alone


def test_both_ways_of_reading_without_words_are_one_where_no_batch_statistic_is_in_it() -> None:
    beside, apart = lite().eval(), lite(untold="apart").eval()
    text = sentences(8, null=(3,))  # two about an image
    found = []
    for model in (beside, apart):
        jitter(model)
        torch.manual_seed(1)  # the pixel term draws
        found.append(model.training_losses(images(4), text, target(8)))
    assert found[0].keys() == found[1].keys()
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], atol=1e-5, rtol=1e-4)


def test_the_smallest_images_can_be_read_apart() -> None:
    """One image of 32 pixels is one cell at stride 32, and a batch norm in training refuses a single value."""
    model = lite(untold="apart", contrastive_weight=0.0).train()
    assert model.training_losses(images(4, (32, 32)), sentences(4), target(4, (32, 32)))["swapped"].isfinite()


def test_a_third_way_of_reading_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="'beside' or 'apart'"):
        lite(untold="never")
