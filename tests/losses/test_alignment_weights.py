"""TMCA's alignment terms honour what is known and how much each case counts."""

from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.alignment import MultiLevelAlignment, Projected
from lexseg.losses.region_words import own_similarity, prototype, similarity
from lexseg.losses.swapped import Said, Swapped
from lexseg.losses.target import Target

Terms = dict[str, torch.Tensor]


def inputs(n: int = 4) -> tuple[list[Projected], TextBatch, torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)

    def unit(*shape: int, dim: int = -1) -> torch.Tensor:
        return F.normalize(torch.randn(*shape, generator=g), dim=dim)

    levels = [Projected(unit(n, 8, s, s, dim=1), unit(n, 5, 8), unit(n, 8)) for s in (8, 4)]
    words = torch.ones(n, 5, dtype=torch.bool)
    text = TextBatch(words, torch.arange(n), torch.zeros(n, dtype=torch.bool), states=unit(n, 5, 8))
    mask = torch.zeros(n, 1, 32, 32)
    mask[:, :, 4:16, 8:20] = 1
    return levels, text, words, mask, unit(n, 8)


def some(levels: list[Projected], rows: slice) -> list[Projected]:
    return [Projected(p.pixels[rows], p.words[rows], p.sentence[rows]) for p in levels]


@pytest.mark.parametrize("distance", ["masked+context", "soft"])
def test_cases_of_no_weight_are_left_out(distance: str) -> None:
    module = MultiLevelAlignment(2, distance=distance)  # type: ignore[arg-type]
    levels, text, words, mask, sentence = inputs()
    three = slice(0, 3)
    fewer = replace(text, attention_mask=words[three], caption_id=text.caption_id[three], is_null=text.is_null[three])
    expected: Terms = module(some(levels, three), fewer, words[three], Target(mask[three]), sentence[three])
    found: Terms = module(levels, text, words, Target(mask, weight=torch.tensor([2.0, 2.0, 2.0, 0.0])), sentence)
    assert expected.keys() == found.keys() == {"contrastive", "margin"}
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    heavier: Terms = module(levels, text, words, Target(mask, weight=torch.tensor([9.0, 1, 1, 1])), sentence)
    assert not torch.allclose(
        heavier["contrastive"], module(levels, text, words, Target(mask), sentence)["contrastive"]
    )


def test_what_is_not_known_is_no_context() -> None:
    """The margin's context does not change with what an unknown place shows."""
    module = MultiLevelAlignment(2, margin=1.0)
    levels, text, words, mask, sentence = inputs()
    mask = mask.roll(4, -1)  # up to what is not known
    valid = torch.ones_like(mask, dtype=torch.bool)
    valid[..., 24:] = False
    other = [replace(p, pixels=p.pixels.clone()) for p in levels]
    for p in other:
        cells = p.pixels.shape[-1] // 4
        p.pixels[..., -cells:] = p.pixels[..., -cells:].flip(1)
    seen = [module(x, text, words, Target(mask, valid), sentence)["margin"] for x in (levels, other)]
    torch.testing.assert_close(seen[0], seen[1])
    all_known = [module(x, text, words, Target(mask), sentence)["margin"] for x in (levels, other)]
    assert not torch.allclose(all_known[0], all_known[1])


def test_rows_that_mean_the_same_region_are_no_negatives() -> None:
    """Rows 0 and 1 ask of one image after one region: what 1's words are, is nothing to 0's region."""
    module = MultiLevelAlignment(2, distance="masked")
    levels, text, words, mask, sentence = inputs()
    like = [Projected(p.pixels[[0, 0, 2, 3]], p.words, p.sentence) for p in levels]
    twin = [Projected(p.pixels, p.words[[0, 0, 2, 3]], p.sentence[[0, 0, 2, 3]]) for p in like]
    region = torch.tensor([5, 5, 6, 7])
    apart, together = (
        module(twin, text, words, Target(mask, region=r), sentence)["contrastive"] for r in (None, region)
    )
    assert together < apart  # the twin would be a negative as near as the row itself


def test_rows_of_which_nothing_is_known_are_left_out() -> None:
    module = MultiLevelAlignment(2)
    levels, text, words, mask, sentence = inputs()
    three = slice(0, 3)
    fewer = replace(text, attention_mask=words[three], caption_id=text.caption_id[three], is_null=text.is_null[three])
    expected = module(some(levels, three), fewer, words[three], Target(mask[three]), sentence[three])
    unseen = torch.ones_like(mask, dtype=torch.bool)
    unseen[3] = False
    for target in (Target(mask, unseen), Target(mask, present=torch.tensor([1, 1, 1, torch.nan]))):
        torch.testing.assert_close(module(levels, text, words, target, sentence), expected)


def swapped(levels: list[Projected], words: torch.Tensor, null: list[bool]) -> Swapped:
    return Swapped([Said(-p.words, -p.sentence, words) for p in levels], torch.tensor(null))


def test_own_similarity_is_the_diagonal() -> None:
    levels, _, words, mask, _ = inputs()
    words[1, 3:] = False
    region = prototype(levels[0].pixels, F.adaptive_avg_pool2d(mask, (8, 8)))
    expected = similarity(region, levels[0].words, levels[0].sentence, words).diagonal()
    torch.testing.assert_close(
        own_similarity(region, levels[0].words, levels[0].sentence, words), expected, atol=1e-6, rtol=1e-5
    )


def test_swapped_sentences_count_where_places_are_named() -> None:
    """One sentence of four: log(1 + exp((false - true) / tau)) of that one, computed here by hand."""
    module = MultiLevelAlignment(2)
    levels, text, words, mask, sentence = inputs()
    other = swapped(levels, words, [True, False, True, True])
    found = module(levels, text, words, Target(mask), sentence, swapped=[other])["swapped"]
    expected = 0.0
    for p, false in zip(levels, other.levels, strict=True):
        share = F.adaptive_avg_pool2d(mask, p.pixels.shape[-2:])
        pooled = F.normalize((p.pixels[1] * share[1]).sum((1, 2)), dim=0)
        score = []
        for w, s in ((p.words[1], p.sentence[1]), (false.words[1], false.sentence[1])):
            likeness = w @ pooled
            score.append(0.5 * s @ pooled + 0.5 * ((likeness / 0.1).softmax(0) * likeness).sum())
        expected += 0.5 * float(torch.log1p(torch.exp((score[1] - score[0]) / 0.07)))
    assert found.item() == pytest.approx(expected, rel=1e-4)
    both = module(levels, text, words, Target(mask), sentence, swapped=[other, other])["swapped"]
    assert both.item() == pytest.approx(2 * expected, rel=1e-4)


def test_swapped_sentences_say_nothing_where_there_are_none() -> None:
    module = MultiLevelAlignment(2)
    levels, text, words, mask, sentence = inputs()
    unswappable = swapped(levels, words, [True] * 4)
    assert module(levels, text, words, Target(mask), sentence, swapped=[unswappable])["swapped"].item() == 0
    assert "swapped" not in module(levels, text, words, Target(mask), sentence)
    empty = module(
        levels, text, words, Target(torch.zeros_like(mask)), sentence, swapped=[swapped(levels, words, [False] * 4)]
    )
    assert empty["swapped"].item() == 0


def test_swapped_sentences_honour_weights() -> None:
    module = MultiLevelAlignment(2)
    levels, text, words, mask, sentence = inputs()

    def term(null: list[bool], weight: torch.Tensor | None = None) -> float:
        other = swapped(levels, words, null)
        return float(module(levels, text, words, Target(mask, weight=weight), sentence, swapped=[other])["swapped"])

    first, second = term([False, True, True, True]), term([True, False, True, True])
    weight = torch.tensor([3.0, 1.0, 1.0, 0.0])
    assert term([False, False, True, False], weight) == pytest.approx((3 * first + second) / 4, rel=1e-4)


@pytest.mark.parametrize("distance", ["global", "masked", "masked+context", "soft"])
@pytest.mark.parametrize("targets", ["caption", "one-hot"])
@pytest.mark.parametrize("counted", [[0, 1, 2, 5, 6], [4], []])
def test_a_row_that_does_not_count_is_as_if_it_were_not_there(distance: str, targets: str, counted: list[int]) -> None:
    """Losses and gradients of the rows that count are those of a batch of them alone, though no row is taken out."""
    module = MultiLevelAlignment(2, distance=distance, targets=targets, margin=1.0)  # type: ignore[arg-type]
    levels, text, words, mask, sentence = inputs(8)
    text = replace(text, caption_id=torch.tensor([3, 3, 1, 3, 1, 2, 6, 6]))
    weight = torch.tensor([1.0, 0.5, 2.0, 1.0, 1.0, 3.0, 1.0, 1.0])
    without = [i for i in range(8) if i not in counted]
    for i, row in enumerate(without):  # each for another reason
        if i % 3 == 0:
            text.is_null[row], words[row] = True, False  # a null sentence has no words
        elif i % 3 == 1:
            mask[row] = 0
        else:
            weight[row] = 0
    region = torch.tensor([0, 1, 2, 3, 4, 5, 7, 7])
    leaves = [p.words.requires_grad_() for p in levels]
    null = torch.tensor([False, True] * 4)
    target = Target(mask, weight=weight, region=region)

    def of(rows: list[int]) -> tuple[Terms, list[torch.Tensor]]:
        own = replace(text, attention_mask=words[rows], caption_id=text.caption_id[rows], is_null=text.is_null[rows])
        part = replace(target, mask=mask[rows], weight=weight[rows], region=region[rows])
        there = [Projected(p.pixels[rows], p.words[rows], p.sentence[rows]) for p in levels]
        other = Swapped([Said(-p.words, -p.sentence, words[rows]) for p in there], null[rows])
        terms: Terms = module(there, own, words[rows], part, sentence[rows], swapped=[other])
        return terms, list(torch.autograd.grad(sum(terms.values(), torch.zeros(())), leaves, allow_unused=True))

    (found, slopes), (alone, expected) = of(list(range(8))), of(counted) if counted else ({}, [])
    for name, value in found.items():
        torch.testing.assert_close(value, alone.get(name, torch.zeros(())), atol=1e-5, rtol=1e-5)
    for i, slope in enumerate(slopes):
        wanted = expected[i] if expected else torch.zeros_like(slope)
        torch.testing.assert_close(slope, wanted, atol=1e-5, rtol=1e-5)
    assert len(counted) < 2 or all(float(value) > 0 for value in found.values())


def test_no_shape_depends_on_the_numbers_of_a_batch() -> None:
    """On tensors that have a shape and no numbers, as when a step is recorded."""
    module = MultiLevelAlignment(2)
    with FakeTensorMode(allow_non_fake_inputs=True):
        levels, text, words, mask, sentence = inputs()
        other = swapped(levels, words, [False] * 4)
        found: Terms = module(levels, text, words, Target(mask), sentence, swapped=[other])
    assert set(found) == {"contrastive", "margin", "swapped"}
