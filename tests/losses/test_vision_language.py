"""LSMS's contrastive terms."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.target import Target
from lexseg.losses.vision_language import cells, pixel_loss, region_loss


def case(n: int = 3, size: int = 8) -> tuple[Tensor, Tensor, Target, Tensor]:
    generator = torch.Generator().manual_seed(0)
    pixels = F.normalize(torch.randn(n, 16, size, size, generator=generator), dim=1)
    sentence = F.normalize(torch.randn(n, 16, generator=generator), dim=1)
    mask = torch.zeros(n, 1, 4 * size, 4 * size)
    mask[:, :, 4:16, 8:20] = 1
    return pixels, sentence, Target(mask), torch.zeros(n, dtype=torch.bool)


def test_pixel_loss_of_few_pixels_is_the_formula() -> None:
    """With fewer pixels than may be drawn, all are taken, and nothing is left to chance."""
    pixels, sentence, target, null = case()
    lesion, background, _ = cells(target, (8, 8))
    score = torch.einsum("bdn,bd->bn", pixels.flatten(2), sentence) / 0.1
    expected = []
    for i in range(3):
        negative = score[i][background[i]].exp().sum()
        expected.append(torch.stack([-(s.exp() / (s.exp() + negative)).log() for s in score[i][lesion[i]]]).mean())
    torch.testing.assert_close(pixel_loss(pixels, sentence, target, null), torch.stack(expected).mean())


def test_hard_background_is_always_against() -> None:
    """One background pixel looks just like the sentence: however few are drawn, it is among them."""
    pixels, sentence, target, null = case(1, 32)
    pixels = -sentence[:, :, None, None].expand(1, 16, 32, 32).clone()
    easy = pixel_loss(pixels, sentence, target, null, negatives=4)
    pixels[0, :, 31, 31] = sentence[0]
    for seed in range(5):
        torch.manual_seed(seed)
        assert pixel_loss(pixels, sentence, target, null, negatives=4) > easy + 5


def test_other_targets_are_always_against() -> None:
    pixels, sentence, target, null = case(1, 32)
    pixels = -sentence[:, :, None, None].expand(1, 16, 32, 32).clone()
    pixels[0, :, 20:24, 20:24] = 0.5 * sentence[0, :, None, None]
    pixels[0, :, 28, :] = sentence[0, :, None]  # fills the places of hard background
    others = torch.zeros_like(target.mask)
    others[:, :, 80:96, 80:96] = 1
    gradient = {}
    for name, given in (("named", target), ("others", replace(target, others=others))):
        p = pixels.clone().requires_grad_()
        torch.manual_seed(0)
        pixel_loss(p, sentence, given, null, negatives=8).backward()
        assert p.grad is not None
        gradient[name] = (p.grad[0, :, 20:24, 20:24].abs().sum(0) > 0).sum()
    assert gradient["others"] == 16 and gradient["named"] < 16


@pytest.mark.parametrize(("lit", "best"), [(1, 1), (8, 2)])
def test_small_lesions_are_not_lost(lit: int, best: int) -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[0, 0, 5, 5 : 5 + lit] = 1
    lesion, background, _ = cells(Target(mask), (8, 8))
    assert lesion[0].nonzero().flatten().tolist() == [8 + best]
    assert not background[0, 8 + 1]


def test_what_is_not_known_is_neither() -> None:
    mask, valid = torch.ones(1, 1, 32, 32), torch.ones(1, 1, 32, 32, dtype=torch.bool)
    mask[..., 16:] = 0
    valid[:, :, :9] = False
    lesion, background, _ = cells(Target(mask, valid=valid), (8, 8))
    grid_lesion, grid_background = lesion.view(8, 8), background.view(8, 8)
    assert not grid_lesion[:3].any() and not grid_background[:3].any()
    assert grid_lesion[3:, :4].all() and grid_background[3:, 4:].all()


def test_it_pulls_lesion_pixels_to_the_sentence_and_pushes_the_rest_away() -> None:
    torch.manual_seed(0)
    _, sentence, target, null = case()
    raw = torch.randn(3, 16, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([raw], 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        pixels = F.normalize(raw, dim=1)
        (
            pixel_loss(pixels, sentence, target, null) + region_loss(pixels, sentence, target, null, torch.arange(3))
        ).backward()
        optimizer.step()
    likeness = torch.einsum("bdhw,bd->bhw", F.normalize(raw, dim=1), sentence).flatten(1)
    lesion, background, _ = cells(target, (8, 8))
    assert likeness[lesion].min() > likeness[background].max()


def test_silent_rows_neither_count_nor_break() -> None:
    pixels, sentence, target, null = case()
    pixels.requires_grad_()
    sentence.requires_grad_()
    empty = Target(torch.zeros_like(target.mask))
    full = Target(torch.ones_like(target.mask))
    for truth, missing in ((empty, null), (full, null), (target, ~null)):
        loss = pixel_loss(pixels, sentence, truth, missing) + (
            0 if truth is full else region_loss(pixels, sentence, truth, missing, torch.arange(3))
        )
        loss.backward()
        assert loss == 0 and pixels.grad is not None and pixels.grad.isfinite().all()
    torch.manual_seed(0)
    some = pixel_loss(pixels, sentence, target, torch.tensor([False, True, True]))
    alone = pixel_loss(pixels[:1], sentence[:1], Target(target.mask[:1]), null[:1])
    torch.testing.assert_close(some, alone)


def test_weights_count() -> None:
    pixels, sentence, target, null = case()
    weighted = pixel_loss(pixels, sentence, replace(target, weight=torch.tensor([1.0, 0.0, 0.0])), null)
    torch.testing.assert_close(weighted, pixel_loss(pixels[:1], sentence[:1], Target(target.mask[:1]), null[:1]))


def test_region_loss_knows_equal_captions() -> None:
    """Two images with one caption: matching either sentence is right, so the pair costs no more than the split."""
    _, _, target, null = case(2)
    direction = F.normalize(torch.randn(16), dim=0)
    pixels = direction[None, :, None, None].expand(2, 16, 8, 8)
    sentence = direction[None].expand(2, 16)
    same = region_loss(pixels, sentence, target, null, torch.tensor([5, 5]))
    torch.testing.assert_close(same, torch.tensor(2.0).log())  # the entropy of "either"; it cannot be lower
    p = pixels.clone().requires_grad_()
    region_loss(p, sentence, target, null, torch.tensor([5, 5])).backward()
    assert p.grad is not None and p.grad.abs().max() < 1e-6


def test_region_loss_leaves_out_cases_of_no_weight() -> None:
    pixels, sentence, target, null = case(4)
    caption = torch.arange(4)
    weight = torch.tensor([1.0, 1.0, 1.0, 0.0])
    three = region_loss(pixels[:3], sentence[:3], Target(target.mask[:3]), null[:3], caption[:3])
    weighted = region_loss(pixels, sentence, replace(target, weight=weight), null, caption)
    torch.testing.assert_close(weighted, three)
    torch.testing.assert_close(
        region_loss(pixels, sentence, replace(target, weight=torch.full((4,), 2.0)), null, caption),
        region_loss(pixels, sentence, target, null, caption),
    )


def test_rows_of_one_region_are_no_negatives_of_one_another() -> None:
    pixels, sentence, target, null = case()
    caption, region = torch.arange(3), torch.tensor([4, 4, 5])
    pixels.requires_grad_()
    taught = region_loss(pixels, sentence, replace(target, region=region), null, caption)
    apart = region_loss(pixels, sentence, replace(target, region=torch.arange(3)), null, caption)
    torch.testing.assert_close(apart, region_loss(pixels, sentence, target, null, caption))
    assert taught < apart
