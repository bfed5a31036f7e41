"""FMISeg: what every model holds to, the wavelet transform, and what the released code's faults do."""

import math
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from lexseg.models.fmiseg.branch_norm import BranchNorm
from lexseg.models.fmiseg.frequency import FrequencySplit, haar
from lexseg.models.fmiseg.frequency_interaction import FrequencyExchange, FrequencyGuide
from lexseg.models.fmiseg.model import FMISeg, logit_of_mean
from lexseg.training.recipe import read_recipe

from .base import WIDTH, ModelTests, images, sentences, target
from .overfit import overfit

SMALL: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "shared_encoder": True,
    "text_width": WIDTH,
    "widths": [32, 24, 16, 16],
    "slots": [4, 4, 4],
    "head_channels": 1,
}


class TestFMISeg(ModelTests):
    name = "fmiseg"
    arguments: ClassVar = SMALL
    learning: ClassVar = {"encoder_args": {"pretrained": True}, "gate": 0.1}
    steps: ClassVar = 300  # after 200, absent targets counting more, a branch still paints some of the other square


class TestAsPublished(ModelTests):
    """Two encoders, and every fault."""

    name = "fmiseg"
    learns: ClassVar = False
    arguments: ClassVar = SMALL | {"shared_encoder": False, "as_published": True, "head_channels": 4}
    test_exports = None  # nobody deploys the faults


def small(**changes: Any) -> FMISeg:
    torch.manual_seed(0)
    return FMISeg(**(SMALL | changes))


# The frequency split.


def test_haar_is_lossless_and_keeps_the_energy() -> None:
    image = images(2, (16, 24))
    low, rows, columns, both = haar(image)
    assert low.shape == (2, 3, 8, 12)
    back = torch.empty_like(image)
    back[..., ::2, ::2] = low + rows + columns + both
    back[..., ::2, 1::2] = low + rows - columns - both
    back[..., 1::2, ::2] = low - rows + columns - both
    back[..., 1::2, 1::2] = low - rows - columns + both
    torch.testing.assert_close(back / 2, image, atol=1e-6, rtol=0)
    energy = sum(x.square().sum() for x in (low, rows, columns, both))
    torch.testing.assert_close(energy, image.square().sum())


def test_stationary_haar_holds_every_shift() -> None:
    image = images(1, (16, 16))
    for whole, plain, shifted in zip(haar(image, stationary=True), haar(image), haar(image[..., 1:-1]), strict=True):
        assert whole.shape == image.shape
        assert torch.equal(whole[..., ::2, ::2], plain)
        assert torch.equal(whole[..., ::2, 1:-1:2], shifted)


def test_bands_are_what_they_are_called() -> None:
    lines = torch.zeros(1, 1, 8, 8)
    lines[..., ::2, :] = 1
    low, rows, columns, both = haar(lines)
    assert low.eq(1).all() and rows.eq(1).all() and not columns.any() and not both.any()
    assert torch.equal(haar(lines.mT)[2], rows)


def split(as_published: bool) -> FrequencySplit:
    return FrequencySplit((0.5,) * 3, (0.5,) * 3, as_published=as_published)


def test_as_published_stretches_the_noise_of_a_flat_image() -> None:
    noise = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    faint, strong = 0.5 + 1e-3 * noise, 0.2 + 0.6 * noise
    ours, published = split(False), split(True)
    torch.testing.assert_close(published(faint)[1].std(), published(strong)[1].std())
    torch.testing.assert_close(600 * ours(faint)[1].std(), ours(strong)[1].std(), atol=0, rtol=0.02)
    assert ours(torch.full((1, 3, 32, 32), 0.7))[1].abs().max() < 1e-4


def test_as_published_no_detail_is_a_grey_that_depends_on_the_image() -> None:
    """The flat left half of two images that differ on the right."""
    one = torch.full((1, 3, 64, 64), 0.5)
    one[..., 32:] = images(1, (64, 32), seed=3)
    other = one.clone()
    other[..., 32:33, 40:41] = 1.0 - 0.9 * other[..., 32:33, 40:41]
    other[..., 48:49, 56:57] = 0.0
    for as_published, equal in ((False, True), (True, False)):
        flat = [split(as_published)(x)[1][..., :24].mean() for x in (one, other)]
        assert torch.isclose(flat[0], flat[1], atol=1e-4) == equal


def test_coarse_image_keeps_its_range_and_its_colour() -> None:
    low, _ = split(False)(torch.tensor([0.2, 0.5, 0.8])[None, :, None, None].expand(1, 3, 8, 8))
    torch.testing.assert_close(low[0, :, 3, 3], torch.tensor([-0.6, 0.0, 0.6]))
    published, _ = split(True)(images(1, (32, 32)))
    assert torch.equal(published[:, 0], published[:, 2])  # of the grey


# The exchange and the words.


@pytest.mark.parametrize("as_published", [False, True])
def test_frequencies_read_one_another_at_once(as_published: bool) -> None:
    torch.manual_seed(0)
    exchange = FrequencyExchange(8, as_published=as_published).eval()
    low, high = torch.randn(2, 1, 8, 3, 3)
    new_low, new_high = exchange(low, high)
    assert not torch.equal(exchange(low, high + torch.randn_like(high))[0], new_low)
    for p in exchange.low.parameters():
        torch.nn.init.zeros_(p)
    alone_low, same_high = exchange(low, high)
    assert torch.equal(alone_low, low)  # a residual
    assert torch.equal(same_high, new_high)  # it reads what came in, not what the other became


def guide(dim: int = 16, **changes: Any) -> FrequencyGuide:
    torch.manual_seed(0)
    return FrequencyGuide(dim, WIDTH, 4, **changes).eval()


def answer(layer: FrequencyGuide, dim: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """A map, and what the words make of it."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, dim, 6, 6, generator=generator)
    words = torch.randn(2, 24, WIDTH, generator=generator)
    with torch.no_grad():
        return x, layer(x, words, torch.arange(24)[None].expand(2, -1) < 7)


def test_only_as_published_flips_half_of_the_signs_at_the_start() -> None:
    x, ours = answer(guide(self_attention=False))
    assert torch.equal(ours, x)
    x, published = answer(guide(self_attention=False, as_published=True))
    assert 0.3 < (published * x < 0).float().mean() < 0.7


def test_only_as_published_lets_likeness_grow_with_the_width() -> None:
    def spread(dim: int, as_published: bool) -> float:
        layer, seen = guide(dim, as_published=as_published), []
        layer.likeness.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].std()))
        answer(layer, dim)
        return float(seen[0])

    assert spread(256, False) / spread(16, False) < 1.5
    assert spread(256, True) / spread(16, True) > 2.5


@pytest.mark.parametrize("as_published", [False, True])
def test_only_as_published_reads_padding(as_published: bool) -> None:
    layer = guide(as_published=as_published, gate=0.5)
    x, words, mask = torch.randn(1, 16, 4, 4), torch.randn(1, 24, WIDTH), torch.arange(24)[None] < 5
    other = torch.where(mask[..., None], words, torch.randn(1, 24, WIDTH))
    with torch.no_grad():
        assert torch.equal(layer(x, words, mask), layer(x, other, mask)) != as_published


def test_words_change_nothing_until_training_opens_the_gates() -> None:
    model = small(presence_weight=0.0).eval()
    with torch.no_grad():
        one, other = (model(images(2), sentences(2, seed=s)).logits for s in (1, 5))
        assert torch.equal(one, other)
        opened = small(presence_weight=0.0, gate=0.1).eval()
        assert not torch.equal(opened(images(2), sentences(2)).logits, one)


# The branches and their answers.


def test_shared_encoder_is_two_encoders_that_differ_in_their_norms() -> None:
    shared, apart = small(), small(shared_encoder=False)
    shared.train().training_losses(images(), sentences(), target())  # the two branches' statistics part ways
    weights = {}
    for name, value in shared.state_dict().items():
        if not name.startswith("encoders.0."):
            weights[name] = value
            continue
        if ".second." not in name:
            weights[name.replace(".first.", ".")] = value
        if ".first." not in name:
            weights[name.replace("encoders.0.", "encoders.1.").replace(".second.", ".")] = value
    apart.load_state_dict(weights)
    with torch.no_grad():
        one, other = (m.eval()(images(2), sentences(2)).logits for m in (shared, apart))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    norm = next(m for m in shared.modules() if isinstance(m, BranchNorm))
    assert not torch.equal(norm.first.running_mean, norm.second.running_mean)


def test_each_branch_has_a_loss_of_its_own() -> None:
    model = small(gate=0.1)
    losses = model.train().training_losses(images(), sentences(), target())
    (losses["dice_high"] + losses["bce_high"]).backward()
    assert all(p.grad is None or not p.grad.any() for p in model.decoders[0].parameters())
    assert all(p.grad is not None for p in model.decoders[1].parameters())
    low = model.exchange.low.in_proj_weight.grad
    assert low is None or not low.any()  # what the low branch reads is its own
    assert model.deepest[0].weight.grad is not None  # type: ignore[union-attr]


def test_probabilities_are_averaged_and_as_published_the_low_branch_answers() -> None:
    with torch.no_grad():
        ours, published = (small(as_published=p).eval()(images(2), sentences(2)) for p in (False, True))
    torch.testing.assert_close(ours.logits.sigmoid(), (ours.maps["low"] + ours.maps["high"]) / 2)
    torch.testing.assert_close(published.logits.sigmoid(), published.maps["low"])
    assert not torch.allclose(published.maps["low"], published.maps["high"], atol=1e-3)


def test_logit_of_a_mean_stays_exact_at_the_ends() -> None:
    one, other = torch.tensor([0.3, -40.0, 90.0]), torch.tensor([-1.0, -41.0, 90.0])
    got = logit_of_mean(one, other)
    torch.testing.assert_close(got[0], ((one[0].sigmoid() + other[0].sigmoid()) / 2).logit())
    torch.testing.assert_close(got[1:], torch.tensor([-40 + math.log((1 + math.exp(-1)) / 2), 90.0]))


# Size and training.


def test_published_graph_has_the_published_size() -> None:
    """108.9 M counted in the released modules, of which 1.2 M are projections of the images that nothing reads."""
    with torch.device("meta"):
        model = FMISeg(encoder_args={"pretrained": False}, presence_weight=0.0, as_published=True)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(108.9 - 1.2, rel=0.005)


def test_lite_recipe_has_its_size_and_trains_by_dice_alone_as_published() -> None:
    recipe = read_recipe("fmiseg-lite").model | {"text_width": 384}
    recipe["encoder_args"] = {"pretrained": False}
    with torch.device("meta"):
        ours, published = FMISeg(**recipe), FMISeg(**recipe, as_published=True)
    assert sum(p.numel() for p in ours.parameters()) / 1e6 == pytest.approx(5.7, abs=0.1)
    assert ours.loss_names == ("dice_low", "bce_low", "dice_high", "bce_high", "presence")
    assert published.loss_names == ("dice_low", "dice_high", "presence")


def test_wrong_numbers_of_widths_and_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="4 widths and 3 slots"):
        small(slots=[4, 4])


@pytest.mark.slow
def test_lite_recipe_learns_eight_films_by_heart(data_root: Path) -> None:
    assert overfit("fmiseg-lite", data_root) > 0.7
