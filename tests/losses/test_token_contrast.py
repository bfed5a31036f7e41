"""RecLMIS's contrast and its hiding of tokens, against loops and counts."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.masked_reconstruction import hide_tokens, reconstruction_loss
from lexseg.losses.target import Target
from lexseg.losses.token_contrast import token_contrast_loss, token_similarity

MASK = torch.tensor([[True] * k + [False] * (4 - k) for k in (4, 2, 3)])


def parts() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    words, cells = (torch.randn(3, n, 6, generator=generator) for n in (4, 5))
    words_weight = torch.randn(3, 4, generator=generator).masked_fill(~MASK, float("-inf")).softmax(-1)
    return words, words_weight, cells, torch.randn(3, 5, generator=generator).softmax(-1)


def test_similarity_is_the_formula() -> None:
    words, words_weight, cells, cells_weight = parts()
    got = token_similarity(words, words_weight, MASK, cells, cells_weight)
    for a in range(3):
        for b in range(3):
            cosine = F.normalize(words[a, MASK[a]], dim=-1) @ F.normalize(cells[b], dim=-1).T
            by_word = words_weight[a, MASK[a]] @ cosine.amax(1)
            want = 0.5 * (by_word + cells_weight[b] @ cosine.amax(0))
            torch.testing.assert_close(got[b, a], want, atol=1e-6, rtol=1e-5)


def test_published_similarity_flattens_weights_and_counts_padding() -> None:
    _, words_weight, _, cells_weight = parts()
    peaked = torch.tensor([[0.97, 0.01, 0.01, 0.01]]).expand(3, -1)
    flat = peaked.softmax(-1)
    assert float(flat.max() / flat.min()) < 3 < float(peaked.max() / peaked.min())
    # every cosine negative: a zero for padding is then the best word of a cell
    one = F.normalize(torch.ones(3, 4, 6), dim=-1)
    against = -F.normalize(torch.ones(3, 5, 6), dim=-1)
    right = token_similarity(one, words_weight, MASK, against, cells_weight)
    published = token_similarity(one, words_weight, MASK, against, cells_weight, as_published=True)
    torch.testing.assert_close(right, -torch.ones(3, 3))
    torch.testing.assert_close(published[:, 0], -torch.ones(3))  # the sentence without padding
    assert (published[:, 1] > -0.5).all()


def test_equal_captions_null_sentences_and_absent_targets() -> None:
    similarity = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(4, 1, 8, 8)
    null = torch.zeros(4, dtype=torch.bool)
    text = TextBatch(torch.ones(4, 1, dtype=torch.bool), torch.tensor([0, 1, 2, 0]), null)

    def loss(similarity: Tensor, text: TextBatch, mask: Tensor, **options: bool) -> Tensor:
        return token_contrast_loss(similarity, text, Target(mask), temperature=0.1, **options)

    logits = similarity / 0.1
    same = (text.caption_id[:, None] == text.caption_id).float()
    even = same / same.sum(1, keepdim=True)
    by_hand = -0.5 * ((even * logits.log_softmax(1)).sum(1).mean() + (even * logits.T.log_softmax(1)).sum(1).mean())
    torch.testing.assert_close(loss(similarity, text, mask), by_hand)
    diagonal = -0.5 * (logits.log_softmax(1).diagonal().mean() + logits.T.log_softmax(1).diagonal().mean())
    torch.testing.assert_close(loss(similarity, text, mask, as_published=True), diagonal)

    fewer = torch.tensor([0, 1, 3])
    cut = TextBatch(text.attention_mask[fewer], text.caption_id[fewer], null[fewer])
    expected = loss(similarity[fewer][:, fewer], cut, mask[fewer])
    absent = mask.clone()
    absent[2] = 0
    torch.testing.assert_close(loss(similarity, text, absent), expected)
    region = torch.tensor([0, 1, 2, 1])  # the second and the fourth row, of other words, mean the same
    taught = token_contrast_loss(similarity, text, Target(mask, region=region), temperature=0.1)
    assert taught < loss(similarity, text, mask)
    released = token_contrast_loss(similarity, text, Target(mask, region=region), temperature=0.1, as_published=True)
    torch.testing.assert_close(released, diagonal)
    unsaid = TextBatch(text.attention_mask, text.caption_id, torch.arange(4) == 2)
    torch.testing.assert_close(loss(similarity, unsaid, mask), expected)


def test_hidden_tokens_are_as_many_as_asked_and_never_padding() -> None:
    torch.manual_seed(0)
    weight = torch.rand(200, 10)
    mask = (torch.arange(10) < torch.tensor([10, 5])[:, None]).repeat(100, 1)
    hidden = hide_tokens(weight, mask, 0.3)
    assert hidden.sum(1).tolist() == [3, 1] * 100
    assert not (hidden & ~mask).any()
    assert not hide_tokens(weight, mask, 0.0).any()


def test_what_matters_is_hidden_more_often() -> None:
    """One of ten is drawn: as often as its weight says."""
    torch.manual_seed(0)
    weight = torch.arange(1.0, 11.0).expand(20_000, -1) / 55
    often = hide_tokens(weight, torch.ones(20_000, 10, dtype=torch.bool), 0.1).float().mean(0)
    torch.testing.assert_close(often, weight[0], atol=0.012, rtol=0)


def test_reconstruction_counts_hidden_tokens_of_weighted_cases() -> None:
    made, wanted = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    wanted[:, 1] = 3
    counted = torch.tensor([[False, True, False], [True, True, False]])
    assert reconstruction_loss(made, wanted, counted, torch.ones(2)) == (9 + (1 + 9) / 2) / 2
    assert reconstruction_loss(made, wanted, counted, torch.tensor([0.0, 1.0])) == 5
    assert reconstruction_loss(made, wanted, torch.zeros_like(counted), torch.ones(2)) == 0
