import pytest
import torch

from lexseg.encoders.text.batch import TextBatch
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.word import WordEncoder
from lexseg.models.parts.text_input import TextInput


def word_encoder() -> WordEncoder:
    torch.manual_seed(0)
    return WordEncoder(["left", "lung", "right"], width=8, heads=2)


def states_batch(width: int = 8) -> TextBatch:
    mask = torch.tensor([[True, True, False], [False, False, False]])
    states = torch.randn(2, 3, width)  # what stands under padding is anything
    return TextBatch(mask, torch.tensor([5, -2]), torch.tensor([False, True]), states=states)


def test_states_pass_and_padding_is_zero() -> None:
    batch = states_batch()
    tokens, mask = TextInput(8)(batch)
    assert batch.states is not None
    assert torch.equal(tokens[0, :2], batch.states[0, :2])
    assert tokens[0, 2].abs().sum() == 0
    assert mask.tolist() == [[True, True, False], [True, False, False]]


def test_a_null_row_is_one_learned_token() -> None:
    module = TextInput(8)
    tokens, _ = module(states_batch())
    assert torch.equal(tokens[1, 0], module.null_token)
    assert tokens[1, 1:].abs().sum() == 0
    tokens[1].sum().backward()
    assert torch.equal(module.null_token.grad, torch.ones(8))


def test_the_null_token_has_a_gradient_even_if_no_row_is_null() -> None:
    module = TextInput(8)
    batch = TextBatch(torch.ones(1, 2).bool(), torch.tensor([5]), torch.tensor([False]), states=torch.randn(1, 2, 8))
    module(batch)[0].sum().backward()
    assert torch.equal(module.null_token.grad, torch.zeros(8))


def test_a_trained_encoder_is_run_and_null_rows_stay_finite() -> None:
    encoder = word_encoder()
    module = TextInput(8, encoder).eval()
    batch = TextPipeline(encoder)(["left lung", None, "right lung left"])
    tokens, mask = module(batch)
    assert mask.sum(1).tolist() == [2, 1, 3]
    torch.testing.assert_close(tokens[0, :2], encoder(*encoder.tokenize(["left lung"]))[0])
    assert torch.equal(tokens[1, 0], module.null_token)
    tokens.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_a_batch_of_null_sentences_only() -> None:
    encoder = word_encoder()
    module = TextInput(8, encoder)
    tokens, mask = module(TextPipeline(encoder)([None, ""]))
    assert tokens.shape == (2, 1, 8) and bool(mask.all())
    tokens.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_a_projection_changes_the_width() -> None:
    module = TextInput(8, dim=5)
    tokens, _ = module(states_batch())
    assert tokens.shape == (2, 3, 5) and module.dim == 5
    assert tokens[0, 2].abs().sum() == 0  # no bias leaks into padding
    assert torch.equal(tokens[1, 0], module.null_token)


def test_mixed_precision() -> None:
    encoder = word_encoder()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tokens, _ = TextInput(8, encoder, dim=4)(TextPipeline(encoder)(["left lung", None]))
    assert tokens.dtype == torch.bfloat16 and bool(tokens.isfinite().all())


def test_what_does_not_fit_is_explained() -> None:
    encoder = word_encoder()
    ids = TextPipeline(encoder)(["left"])
    states = states_batch()
    neither = TextBatch(states.attention_mask, states.caption_id, states.is_null)
    both = TextBatch(
        states.attention_mask,
        states.caption_id,
        states.is_null,
        input_ids=torch.zeros(2, 3, dtype=torch.long),
        states=states.states,
    )
    with pytest.raises(ValueError, match="no text encoder of its own"):
        TextInput(8)(ids)
    with pytest.raises(ValueError, match="trains its own text encoder 'word'"):
        TextInput(8, encoder)(states)
    for batch in (neither, both):
        with pytest.raises(ValueError, match="both or neither"):
            TextInput(8)(batch)
    with pytest.raises(ValueError, match=r"width 6.*width 8"):
        TextInput(8)(states_batch(width=6))
    with pytest.raises(ValueError, match="width 8, not 6"):
        TextInput(6, encoder)
