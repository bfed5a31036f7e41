"""TMCA: what every model holds to, the mistakes that are easily made, and that every switch switches."""

import math
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.losses.alignment import MultiLevelAlignment, Projected
from lexseg.losses.context import context_rings
from lexseg.losses.region_words import prototype, similarity
from lexseg.losses.target import Target
from lexseg.models.parts.alignment import JointSpace
from lexseg.models.tmca import TMCA
from lexseg.models.tmca.enhancement import relevance_loss

from .base import WIDTH, WORDS, ModelTests, images, jitter, sentences, target

SMALL: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "text_width": WIDTH,
    "widths": [32, 24, 16, 16],
    "head_channels": 1,
    "joint_dim": 16,
    "margin": 1.0,
}


# At 64 px the deepest map has 2x2 cells, whose queries ask nearly the same: a gradient, but next to none.
SILENT = frozenset({"guides.0.norm_cross.weight"})


class TestTMCA(ModelTests):
    name = "tmca"
    arguments: ClassVar = SMALL
    # from random weights Lite0's running statistics take longer to settle than the squares take to learn
    learning: ClassVar = {"encoder_args": {"pretrained": True}, "gate": 0.1}
    silent: ClassVar = SILENT


class TestTMCAWithEverything(ModelTests):
    name = "tmca"
    learns: ClassVar = False  # the squares are learnt above
    arguments: ClassVar = SMALL | {
        "text_adapter": {"dim": 16, "layers": 1, "dropout": 0.0},
        "distance": "soft",
        "relevance_weight": 0.1,
        "swapped_weight": 0.1,
        "joint_positions": True,
        "head_channels": 4,
        "shared_text_projection": True,
        "gate": 0.1,
    }


class TestBaseRecipe(ModelTests):
    """Everything off: the guide decoder alone."""

    name = "tmca"
    learns: ClassVar = False
    arguments: ClassVar = SMALL | {"enhancement": False, "alignment_levels": []}

    def test_is_the_base_recipe(self) -> None:
        model = self.build()
        assert model.loss_names == ("dice", "bce", "presence")
        assert not [n for n, _ in model.named_parameters() if n.startswith(("joint", "relevance", "skip", "alignment"))]


def small(**changes: Any) -> TMCA:
    torch.manual_seed(0)
    return TMCA(**(SMALL | changes))


def level(n: int = 4, length: int = 5, dim: int = 8, size: int = 6, seed: int = 0) -> Projected:
    g = torch.Generator().manual_seed(seed)
    return Projected(
        F.normalize(torch.randn(n, dim, size, size, generator=g), dim=1),
        F.normalize(torch.randn(n, length, dim, generator=g), dim=-1),
        F.normalize(torch.randn(n, dim, generator=g), dim=-1),
    )


def test_alignment_alone_trains_both_projections() -> None:
    model = small()
    losses = model.train().training_losses(images(6), sentences(6), target(6))
    (losses["contrastive"] + losses["margin"]).backward()
    for space in model.joint.values():
        for part in (space.visual, space.text):
            assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    assert all(p.grad is None or not p.grad.any() for p in model.head.parameters())


def test_swapped_sentences_alone_train_both_projections_and_need_to_be_there() -> None:
    model = small(swapped_weight=0.1)
    assert model.reads_swapped and not small().reads_swapped
    losses = model.train().training_losses(images(6), sentences(6), target(6))
    losses["swapped"].backward()
    for space in model.joint.values():
        for part in (space.visual, space.text):
            assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    with pytest.raises(ValueError, match="must hold `swapped`"):
        model.training_losses(images(6), replace(sentences(6), swapped=()), target(6))
    with pytest.raises(ValueError, match="needs alignment_levels"):
        small(swapped_weight=0.1, alignment_levels=[])


def test_no_gradient_reaches_a_frozen_text_encoder() -> None:
    encoder = create_text_encoder({"kind": "minilm"})
    text = TextPipeline(encoder)(["lower left lung", "upper right lung"])
    model = small(text_width=encoder.width)
    sum(model.train().training_losses(images(2), text, target(2)).values()).backward()
    assert all(p.grad is None for p in encoder.parameters())
    assert not [n for n, _ in model.named_parameters() if n.startswith("text_input.encoder")]


def test_mask_of_ones_is_global_pooling() -> None:
    pixels = level().pixels
    expected = F.normalize(pixels.mean((2, 3)), dim=-1)
    torch.testing.assert_close(prototype(pixels, torch.ones(4, 1, 6, 6)), expected, atol=1e-5, rtol=1e-5)


def test_prototype_reads_the_target_alone() -> None:
    pixels, mask = level().pixels.clone(), torch.zeros(4, 1, 6, 6)
    mask[..., :2, :2] = 1
    before = prototype(pixels, mask)
    pixels[..., 3:, 3:] = 9.0
    torch.testing.assert_close(prototype(pixels, mask), before)


def test_context_surrounds_the_target_as_far_at_every_level() -> None:
    """A square of 32 px in an image of 160: the ring reaches 0.12 of the side, and no cell of it is the target's."""
    mask = torch.zeros(1, 1, 160, 160)
    mask[..., 64:96, 64:96] = 1
    rings = context_rings(mask, [(40, 40), (5, 5)])
    fine = torch.zeros(40, 40)
    fine[11:29, 11:29] = 1  # 5 cells of 4 px to every side of cells 16..23
    fine[16:24, 16:24] = 0
    torch.testing.assert_close(rings[40, 40][0, 0], fine)
    assert rings[5, 5][0, 0, 2, 2] == 0 and (rings[5, 5] > 0).sum() == 8


def test_context_is_hardly_target_where_cells_are_large() -> None:
    """The same square across the borders of the cells of stride 32: those that it covers much of are out."""
    mask = torch.zeros(1, 1, 160, 160)
    mask[..., 70:102, 50:82] = 1
    share = F.adaptive_avg_pool2d(mask, (5, 5))
    ring = context_rings(mask, [(5, 5)])[5, 5]
    assert (ring * share).sum() / ring.sum() < 0.05
    assert 0 < (ring > 0).float().mean() < 0.5


def test_context_falls_back_to_what_is_known_of_the_rest() -> None:
    mask, valid = torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64, dtype=torch.bool)
    mask[0, 0, :, :32], mask[1] = 1, 1
    valid[0, 0, :, 32:48] = False  # all that lies near
    ring = context_rings(mask, [(4, 4)], valid=valid)[4, 4]
    assert ring[0, 0].sum(0).tolist() == [0, 0, 0, 4]
    assert ring[1].sum() == 0  # nothing lies beside a target that fills the image


def test_a_temperature_beyond_its_bounds_comes_back() -> None:
    """And a gradient that leads further out moves nothing."""
    for start, bound, sign in ((0.001, 0.01, -1.0), (5.0, 0.5, 1.0)):
        module = MultiLevelAlignment(1)
        with torch.no_grad():
            module.log_temperature.fill_(math.log(start))
        for direction in (sign, -sign):
            module.log_temperature.grad = None
            tau = module.temperature()
            assert tau.item() == pytest.approx(bound)
            (direction * tau).backward()
            moved = module.log_temperature.grad
            assert moved is not None and bool(moved) == (direction == sign)


def test_similarity_is_the_formula_and_ignores_padding() -> None:
    one = level()
    mask = torch.tensor([[True] * k + [False] * (5 - k) for k in (5, 3, 1, 4)])
    region = prototype(one.pixels, torch.ones(4, 1, 6, 6))
    got = similarity(region, one.words, one.sentence, mask)
    for i in range(4):
        for j in range(4):
            cosines = one.words[j, mask[j]] @ region[i]
            want = 0.5 * region[i] @ one.sentence[j] + 0.5 * ((cosines / 0.1).softmax(0) * cosines).sum()
            torch.testing.assert_close(got[i, j], want, atol=1e-5, rtol=1e-5)
    garbage = torch.where(mask[..., None], one.words, torch.full_like(one.words, 3.0))
    torch.testing.assert_close(similarity(region, garbage, one.sentence, mask), got)


def _align(distance: str, targets: str = "caption", **changes: Any) -> dict[str, Tensor]:
    module = MultiLevelAlignment(2, distance=distance, targets=targets, margin=1.0)  # type: ignore[arg-type]
    text = replace(sentences(4), **changes)
    levels = [level(seed=1), level(size=3, seed=2)]
    words_mask = torch.ones(4, 5, dtype=torch.bool)
    return module(levels, text, words_mask, target(4), torch.randn(4, 8, generator=torch.Generator().manual_seed(3)))


def test_every_mode_of_the_distance_is_another_loss() -> None:
    values = {d: _align(d)["contrastive"].item() for d in ("global", "masked", "soft")}
    assert len({round(v, 6) for v in values.values()}) == 3
    assert set(_align("global")) == set(_align("masked")) == {"contrastive"}
    both = _align("masked+context")
    assert set(both) == {"contrastive", "margin"} and both["margin"] > 0
    torch.testing.assert_close(both["contrastive"], _align("masked")["contrastive"])


def test_equal_captions_are_positives() -> None:
    """With all captions equal the caption-aware target is uniform; one-hot punishes the likeness all the same."""
    same = torch.zeros(4, dtype=torch.long)
    assert not torch.allclose(
        _align("masked", "caption", caption_id=same)["contrastive"], _align("masked", "one-hot")["contrastive"]
    )
    distinct = torch.arange(4)
    torch.testing.assert_close(
        _align("masked", "caption", caption_id=distinct)["contrastive"],
        _align("masked", "one-hot", caption_id=distinct)["contrastive"],
    )


def test_one_hot_costs_nothing_where_equal_captions_have_equal_embeddings() -> None:
    """Summed over a batch the two targets then ask the same; they differ as soon as dropout tells the copies apart."""
    one = level()
    twin = Projected(one.pixels, one.words[[0, 1, 0, 3]], one.sentence[[0, 1, 0, 3]])
    text = replace(sentences(4), caption_id=torch.tensor([0, 1, 0, 3]))
    arguments = (text, torch.ones(4, 5, dtype=torch.bool), target(4), torch.randn(4, 8))
    values = [
        MultiLevelAlignment(1, distance="masked", targets=t)([twin], *arguments)["contrastive"]  # type: ignore[arg-type]
        for t in ("caption", "one-hot")
    ]
    torch.testing.assert_close(values[0], values[1])


def test_null_sentences_and_empty_masks_are_left_out() -> None:
    model = small().train()
    torch.manual_seed(0)
    truth = target(4)
    only = [replace(sentences(4, null=(1, 2)), caption_id=torch.tensor([0, 9, 8, 3]))]
    empty = truth.mask.clone()
    empty[1:3] = 0
    by_null = model.training_losses(images(4), only[0], truth)["contrastive"]
    by_mask = model.training_losses(
        images(4), replace(sentences(4), caption_id=torch.tensor([0, 9, 8, 3])), replace(truth, mask=empty)
    )["contrastive"]
    torch.testing.assert_close(by_null, by_mask)
    nothing = model.training_losses(images(4), sentences(4, null=(0, 1, 2)), truth)["contrastive"]
    assert nothing == 0 and nothing.requires_grad


def test_closed_gates_leave_the_network_without_cross_attention_bit_for_bit() -> None:
    closed = small(gate=0.0, alignment_levels=[]).eval()
    blind = small(guide=False, enhancement=False, alignment_levels=[]).eval()
    missing, unexpected = blind.load_state_dict(closed.state_dict(), strict=False)
    assert not missing
    only_words = (".cross", ".norm_cross", ".text", ".scale")
    assert all(any(w in n for w in only_words) or n.startswith(("joint", "rel", "skip")) for n in unexpected)
    with torch.no_grad():
        assert torch.equal(closed(images(2), sentences(2)).logits, blind(images(2), sentences(2)).logits)


@pytest.mark.parametrize(
    "changes",
    [{"guide": False, "enhancement": False}, {"enhancement": False}, {"distance": "masked"}, {"targets": "one-hot"},
     {"alignment_levels": [32]}, {"self_attention": []}, {"shared_text_projection": True}, {"margin": 0.1},
     {"level_weights": [0.1, 0.2, 0.3, 0.4]}, {"alignment_weight": 1.0}, {"gate": 0.2}, {"relevance_weight": 0.1},
     {"swapped_weight": 0.1}],
)  # fmt: skip
def test_every_switch_changes_something(changes: dict[str, Any]) -> None:
    def total(model: TMCA) -> tuple[float, int]:
        text = replace(sentences(6), caption_id=torch.tensor([0, 0, 1, 1, 2, 2]))
        losses = model.eval().training_losses(images(6), text, target(6))
        return float(torch.stack(list(losses.values())).sum()), sum(p.numel() for p in model.parameters())

    plain, changed = small(), small(**changes)
    jitter(plain), jitter(changed)
    assert total(plain) != total(changed)


def test_contradictory_switches_are_refused() -> None:
    with pytest.raises(ValueError, match="needs guide=True"):
        small(guide=False)
    with pytest.raises(ValueError, match="needs enhancement=True"):
        small(enhancement=False, relevance_weight=0.1)
    with pytest.raises(ValueError, match="2 level weights for 4 levels"):
        small(level_weights=[0.5, 0.5])


def test_relevance_is_held_to_what_is_known_alone() -> None:
    z, known = torch.randn(2, 1, 8, 8), torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    known[..., :32] = True
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., 8:24, 8:24] = 1
    whole, half = Target(mask), Target(mask, valid=known)
    assert relevance_loss([z], whole) != relevance_loss([z], half)
    other = z.clone()
    other[..., 4:] = 0.5
    torch.testing.assert_close(relevance_loss([other], half), relevance_loss([z], half))
    nobody_knows = replace(half, present=torch.tensor([1.0, torch.nan]))
    torch.testing.assert_close(relevance_loss([z], nobody_knows), relevance_loss([z[:1]], Target(mask[:1], known[:1])))


def test_relevance_is_a_balanced_cross_entropy_that_absent_targets_weigh_in() -> None:
    z, mask = torch.randn(2, 1, 4, 4), torch.zeros(2, 1, 16, 16)
    mask[0, 0, :4, :8] = 1
    p = z.double().sigmoid()
    there, beside = -p[0].log()[0, 0, :2].mean(), -(1 - p[0]).log().flatten()[2:].mean()
    absent = -(1 - p[1]).log().mean()
    expected = ((there + beside) / 2 + 4 * absent) / 2
    torch.testing.assert_close(relevance_loss([z], Target(mask)).double(), expected, atol=1e-5, rtol=1e-5)


def test_a_relevance_that_is_sure_and_wrong_has_a_gradient() -> None:
    z = torch.full((1, 1, 4, 4), 10.0, requires_grad=True)
    relevance_loss([z], Target(torch.zeros(1, 1, 16, 16))).backward()
    assert z.grad is not None and (z.grad > 0.2).all()  # 4 / 16 each


def test_relevance_maps_are_shares_at_every_level() -> None:
    with torch.no_grad():
        maps = small().eval()(images(2), sentences(2)).maps
    assert {n: tuple(m.shape[-2:]) for n, m in maps.items()} == {
        "relevance@4": (16, 16), "relevance@8": (8, 8), "relevance@16": (4, 4), "relevance@32": (2, 2)}  # fmt: skip
    assert all(((m >= 0) & (m <= 1)).all() for m in maps.values())


def test_words_of_a_trained_encoder_get_a_gradient() -> None:
    model = small(text_encoder=WORDS)
    assert model.text_input is not None and model.text_input.encoder is not None
    text = TextPipeline(model.text_input.encoder)(["left lung", "right lung", "left lung", None])
    sum(model.train().training_losses(images(4), text, target(4)).values()).backward()
    assert all(p.grad is not None for p in model.text_input.encoder.parameters())


def test_cells_of_the_joint_space_may_know_where_they_lie() -> None:
    """Of a map that is the same everywhere, cells are told apart by their position alone, at every size alike."""
    words, sentence, same = torch.randn(1, 3, 16), torch.randn(1, 16), torch.randn(1, 8, 1, 1)
    for positions in (False, True):
        torch.manual_seed(0)
        space = JointSpace(8, 16, 16, positions=positions)
        small, large = (space(same.expand(1, 8, n, n), words, sentence).pixels for n in (4, 8))
        assert (small.flatten(2).std(-1).max() > 0.01) == positions
        if positions:
            halved = F.avg_pool2d(large, 2).flatten(2)
            likeness = torch.einsum("bdi,bdj->bij", small.flatten(2), F.normalize(halved, dim=1))[0]
            own = likeness.diagonal() > likeness.median(1).values
            assert own.all()


@pytest.mark.parametrize("changes", [{}, {"enhancement": False}, {"guide": False, "enhancement": False}])
def test_what_is_made_ready_of_the_image_is_what_the_decoder_would_have_made(changes: dict[str, Any]) -> None:
    model = small(gate=0.1, image_presence=[16, 32], **changes).eval()
    jitter(model)
    text = sentences()
    with torch.no_grad():
        seen = model.encode_image(images(len(text)))
        assert seen.ready
        own, made = (model.decode(each, text) for each in (seen, replace(seen, ready={})))
        once = model.decode(model.encode_image(images(len(text))[:1]), text)
        spread = model.decode(model.encode_image(images(len(text))[:1]).repeated(len(text)), text)
    assert torch.equal(own.logits, made.logits)
    assert own.presence is not None and made.presence is not None and torch.equal(own.presence, made.presence)
    assert torch.allclose(once.logits, spread.logits, atol=1e-5)
