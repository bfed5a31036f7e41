"""Rectangles of one image laid over another."""

import torch

from lexseg.training.regimes.cut_mix import cut_mix
from lexseg.training.regimes.words import without_words

from .base import said


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_a_mixed_image_is_its_own_but_for_a_rectangle_of_the_next() -> None:
    layers = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 40, 60)
    mixed, chosen = cut_mix(layers, 1.0, chance())
    assert chosen.all()
    for i, image in enumerate(mixed):
        other = image[0] == layers[i - 1, 0]
        assert torch.equal(image[0], image[1]) and (other | (image[0] == i)).all()  # masks go with their pixels
        rows, columns = other.any(1), other.any(0)
        assert other.sum() == rows.sum() * columns.sum()  # a rectangle
        assert 0.08 < float(other.float().mean()) < 0.55


def test_the_share_says_how_many_are_mixed() -> None:
    layers = torch.rand(200, 1, 8, 8, generator=chance())
    mixed, chosen = cut_mix(layers, 0.3, chance())
    assert 40 < int(chosen.sum()) < 80
    assert torch.equal(mixed[~chosen], layers[~chosen]) and not torch.equal(mixed[chosen], layers[chosen])
    assert torch.equal(cut_mix(layers, 0.0, chance())[0], layers)


def test_an_image_alone_is_not_mixed_with_itself() -> None:
    layers = torch.rand(1, 1, 8, 8)
    mixed, chosen = cut_mix(layers, 1.0, chance())
    assert torch.equal(mixed, layers) and not chosen.any()


def test_some_sentences_are_taken_away() -> None:
    text = said("left square", "right square", None)
    some = without_words(text, torch.tensor([True, False, False]))
    alone = said("right square")
    assert some.is_null.tolist() == [True, False, True] and text.is_null.tolist() == [False, False, True]
    assert not some.attention_mask[0].any()
    assert torch.equal(some.attention_mask[1], text.attention_mask[1])
    held = some.attention_mask[1]
    assert torch.equal(some.input_ids[1][held], alone.input_ids[0][alone.attention_mask[0]])
