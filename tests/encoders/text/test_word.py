import json

import pytest
import torch
from torch import nn

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.word import WordEncoder, sinusoidal_positions, split_words
from lexseg.errors import ModelError, TextError

TEXTS = ["Upper left lung.", "lower left lung, 2 areas", "right lung"]


@pytest.fixture
def encoder() -> WordEncoder:
    torch.manual_seed(0)
    return WordEncoder(WordEncoder.build_vocabulary(TEXTS), width=16, layers=2, heads=2)


def test_vocabulary_is_learned_from_the_training_sentences() -> None:
    assert WordEncoder.build_vocabulary(TEXTS) == ["lung", "left", ",", ".", "2", "areas", "lower", "right", "upper"]
    assert WordEncoder.build_vocabulary(TEXTS, min_count=2) == ["lung", "left"]


def test_words_are_lower_cased_and_punctuation_stands_alone() -> None:
    assert split_words("Left-sided 3.5 cm (RLL)!") == ["left", "-", "sided", "3", ".", "5", "cm", "(", "rll", ")", "!"]


def test_ids_follow_pad_and_unk(encoder: WordEncoder) -> None:
    ids, mask = encoder.tokenize(["LUNG", "left kidney lung"])
    assert ids.tolist() == [[2, 0, 0], [3, 1, 2]]
    assert mask.tolist() == [[True, False, False], [True, True, True]]


def test_padding_changes_no_state(encoder: WordEncoder) -> None:
    ids, mask = encoder.tokenize(["left lung", "upper left lung, right lung"])
    scrambled = ids.clone()
    scrambled[0, 2:] = torch.tensor([5, 4, 3, 6])
    for module in (encoder.eval(), encoder.train()):
        states = module(ids, mask)
        alone = module(*encoder.tokenize(["left lung"]))
        torch.testing.assert_close(states[0, :2], alone[0])
        torch.testing.assert_close(states[0, :2], module(scrambled, mask)[0, :2])


def test_the_order_of_words_matters(encoder: WordEncoder) -> None:
    states = encoder(*encoder.tokenize(["left lung right", "right lung left"]))
    assert not torch.allclose(states[0, 1], states[1, 1], atol=1e-3)


def test_every_weight_learns_but_padding(encoder: WordEncoder) -> None:
    (encoder(*encoder.tokenize(["upper left kidney", "lung"])) ** 2 * torch.arange(16)).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert encoder.embedding.weight.grad is not None
    assert encoder.embedding.weight.grad[0].abs().sum() == 0


def test_it_learns_to_tell_left_from_right(encoder: WordEncoder) -> None:
    head = nn.Linear(16, 1)
    ids, mask = encoder.tokenize(["upper left lung", "upper right lung", "left lung", "right lung", "lower left lung"])
    truth = torch.tensor([1.0, 0, 1, 0, 1])
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(60):
        states = encoder(ids, mask)
        pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        loss = nn.functional.binary_cross_entropy_with_logits(head(pooled)[:, 0], truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


def test_config_rebuilds_it(encoder: WordEncoder) -> None:
    again = create_text_encoder(json.loads(json.dumps(encoder.config())), pretrained=False)
    again.load_state_dict(encoder.state_dict(), strict=True)
    assert again.config() == encoder.config()
    assert again.fingerprint() == encoder.fingerprint()


def test_fingerprint_follows_training(encoder: WordEncoder) -> None:
    before = encoder.fingerprint()
    with torch.no_grad():
        encoder.embedding.weight[3] += 1
    assert encoder.fingerprint() != before


def test_ten_thousand_words_are_refused(encoder: WordEncoder) -> None:
    with pytest.raises(TextError, match=r"10000 tokens.*at most 256"):
        encoder.tokenize(["lung " * 10_000])


@pytest.mark.parametrize(("text", "share"), [("left lung", 0), ("左肺", 1), ("left lung 🙂 right", 0.25), ("", 1)])
def test_unknown_share(encoder: WordEncoder, text: str, share: float) -> None:
    assert encoder.unknown_share(text) == share


@pytest.mark.parametrize("vocabulary", [[], ["left", "left"], ["Left"], ["left lung"], [""]])
def test_a_vocabulary_that_cannot_be_matched_is_refused(vocabulary: list[str]) -> None:
    with pytest.raises(ModelError, match="vocabulary"):
        WordEncoder(vocabulary)


def test_positions_are_sines_and_cosines() -> None:
    positions = sinusoidal_positions(5, 4)
    assert positions[0].tolist() == [0, 1, 0, 1]
    assert positions[3, 0] == pytest.approx(torch.sin(torch.tensor(3.0)).item())
    assert positions[3, 3] == pytest.approx(torch.cos(torch.tensor(0.03)).item())


def test_it_cannot_be_frozen() -> None:
    with pytest.raises(ModelError, match="trainable"):
        create_text_encoder({"kind": "word", "vocabulary": ["left"], "trainable": False})
