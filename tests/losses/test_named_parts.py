"""Cells against the parts of an image that its caption names."""

import math

import pytest
import torch

from lexseg.losses.named_parts import named_parts_loss


def softplus(x):
    return math.log1p(math.exp(x))


def test_equals_what_is_worked_out_by_hand():
    """One cell a part: at the upper and the lower height one side is named, at the middle both."""
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.0], [-3.0, 1.0]])[None, None]
    named = torch.tensor([[[True, False], [True, True], [False, True]]])
    sides = (softplus(1 - 3.0) + softplus(1 - 4.0)) / 2
    absolute = sum(map(softplus, (-2.0, -1.0, -0.5, -0.0, -3.0, -1.0))) / 6
    expected = sides + 0.1 * absolute
    assert named_parts_loss(logits, named, torch.tensor([True])).item() == pytest.approx(expected, rel=1e-6)


def test_a_named_part_needs_a_share_of_its_cells():
    """Two by two cells a part; half of them have to show it."""
    logits = torch.full((1, 1, 6, 4), -20.0)
    logits[0, 0, :2, :1] = 20.0
    first = torch.zeros(1, 3, 2, dtype=torch.bool)
    first[0, 0, 0] = True
    known = torch.tensor([True])
    assert named_parts_loss(logits, first, known, share=0.5) < 1e-6
    assert named_parts_loss(logits, first, known, share=1.0) < named_parts_loss(logits, ~first, known, share=0.5)


def test_what_all_parts_of_an_image_share_does_not_tell_sides():
    """An image that is brighter everywhere, as by another scanner: the sides' term stays."""
    logits, named = torch.randn(2, 1, 6, 6), torch.tensor([[[True, False]] * 3, [[False, True]] * 3])
    known = torch.tensor([True, True])
    sides = [named_parts_loss(x, named, known) - 0.1 * absolute(x, named) for x in (logits, logits + 5)]
    assert torch.allclose(sides[0], sides[1], atol=1e-5)


def absolute(logits, named):
    """The other term by loops, of two images of which each part is named in one."""
    total = 0.0
    for i in range(2):
        for row in range(3):
            for column in range(2):
                part = logits[i, 0, 2 * row : 2 * row + 2, 3 * column : 3 * column + 3].flatten()
                top = part.sort(descending=True).values[:1].mean()
                soft = torch.nn.functional.softplus
                total += soft(-top) if named[i, row, column] else (soft(top) + soft(part).mean()) / 2
    return total / 12


def test_images_whose_captions_say_no_place_say_nothing():
    logits = torch.randn(2, 1, 6, 6, requires_grad=True)
    named = torch.zeros(2, 3, 2, dtype=torch.bool)
    one = named_parts_loss(logits, named, torch.tensor([True, False]))
    assert torch.allclose(one, named_parts_loss(logits[:1], named[:1], torch.tensor([True])))
    (gradient,) = torch.autograd.grad(one, logits)
    assert gradient[0].any() and not gradient[1].any()
    assert named_parts_loss(logits, named, torch.tensor([False, False])).item() == 0
