"""Batches made on the device: words and pixels keep in step, and teachers speak only where they may."""

from dataclasses import replace

import pytest
import torch

from lexseg.losses.rows import absent_rows
from lexseg.training.augment import AugmentConfig
from lexseg.training.teacher.batches import Batches, Soft
from lexseg.training.teacher.contents import unpacked

from .conftest import STILL


def numbers(batches, image):
    """Which images these are."""
    every = batches.pixels(torch.arange(len(batches.pack.times)))
    return (every[None] - image[:, None]).abs().mean((2, 3, 4)).argmin(1)


def test_unchanged_images_and_targets_are_those_of_the_pack(pack) -> None:
    batches = Batches(pack, STILL)
    image, text, target = batches.draw(6, 2)
    own = numbers(batches, image)
    torch.testing.assert_close(image, batches.pixels(own), atol=1e-5, rtol=0)
    assert bool((pack.times[own] > 0).all())
    assert len(text) == 12 and target.mask.shape == (12, 1, 64, 64) and bool(target.valid.all())
    for row in range(12):
        asked = torch.nonzero(pack.image == own[row // 2]).flatten()
        masks = unpacked(pack.masks[pack.mask[asked].long()], 64)
        match = (masks == target.mask[row]).flatten(1).all(1)
        assert (pack.caption[pack.text[asked[match]].long()] == text.caption_id[row]).any()
    assert torch.equal(target.present == 1, target.mask.flatten(1).any(1))
    assert 0 < float(target.present.mean()) < 1  # absent targets among them


def test_each_question_is_asked_before_any_is_asked_twice(pack) -> None:
    batches = Batches(pack, STILL)
    image, text, _ = batches.draw(12, 5)
    for own, captions in zip(numbers(batches, image), text.caption_id.view(12, 5), strict=True):
        assert len(set(captions.tolist())) == min(5, int((pack.image == own).sum()))


def test_a_mirrored_image_has_the_mirrored_mask_and_the_mirrored_words(pack) -> None:
    plain, turned = Batches(pack, STILL, seed=4), Batches(pack, replace(STILL, mirror=1.0), seed=4)
    (image, text, target), (flipped, other, mirrored) = plain.draw(5, 2), turned.draw(5, 2)
    torch.testing.assert_close(flipped, image.flip(-1), atol=1e-5, rtol=0)
    assert torch.equal(mirrored.mask, target.mask.flip(-1))
    number = {int(caption): i for i, caption in enumerate(pack.caption)}
    for one, turned_one in zip(text.caption_id, other.caption_id, strict=True):
        assert pack.mirrored[number[int(one)]] == number[int(turned_one)]


def test_a_dropped_sentence_is_the_null_sentence_and_the_swapped_ones_are_there(pack) -> None:
    _, text, _ = Batches(pack, replace(STILL, drop_text=1.0)).draw(4, 2)
    assert bool(text.is_null.all()) and not text.attention_mask.any() and len(set(text.caption_id.tolist())) == 8
    _, text, _ = Batches(pack, STILL).draw(8, 2)
    assert len(text.swapped) == 2 and not text.swapped[0].is_null.all()


def test_zoomed_out_of_sight_is_unknown_and_outside_is_not_valid(pack) -> None:
    batches = Batches(pack, replace(STILL, shift=0.9), seed=1)
    _, _, target = batches.draw(64, 1)
    gone = (target.mask.flatten(1).sum(1) == 0) & target.present.isnan()
    assert gone.any() and not target.valid.all()
    assert bool((target.present[target.mask.flatten(1).any(1)] != 0).all())


def test_the_same_seed_draws_the_same(pack) -> None:
    one, other = (Batches(pack, AugmentConfig(), seed=3).draw(4, 2) for _ in range(2))
    assert torch.equal(one[0], other[0]) and torch.equal(one[2].mask, other[2].mask)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_teachers_soften_what_is_there_and_say_what_nobody_has_drawn_but_paint_nothing_absent(pack, share) -> None:
    told = torch.full((len(pack.image), 64, 64), 51, dtype=torch.uint8)  # a fifth everywhere
    soft = Soft(told, torch.full((len(pack.image),), 0.4))
    undrawn = replace(pack, located=pack.located & (pack.present == 0))  # "there, but nobody has drawn it"
    for some, drawn in ((pack, True), (undrawn, False)):
        hard = Batches(some, STILL, seed=2).draw(8, 2)[2]
        mixed = Batches(some, STILL, seed=2, soft=soft, share=share).draw(8, 2)[2]
        there = hard.present == 1
        expected = (1 - share) * hard.mask + share * 0.2 if drawn else torch.full_like(hard.mask, 0.2)
        torch.testing.assert_close(mixed.mask[there], expected[there])
        assert bool(mixed.valid[there].all())
        assert not mixed.mask[~there].any()
        torch.testing.assert_close(mixed.present[there], torch.full_like(mixed.present[there], 1 - share * 0.6))
        assert not mixed.present[~there].any() and torch.equal(absent_rows(mixed), absent_rows(hard))
