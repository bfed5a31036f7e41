"""Sentences and maps that a regime asks a model about, beside those of its batches."""

from dataclasses import replace

import torch
from torch import Tensor

from lexseg.encoders.text.batch import TextBatch, no_sentences, no_words
from lexseg.models.base import SegmentationModel


def each_repeated(text: TextBatch, times: int) -> TextBatch:
    """Every sentence ``times`` times, side by side."""

    def wide(t: Tensor | None) -> Tensor | None:
        return None if t is None else t.repeat_interleave(times, 0)

    return replace(
        text,
        attention_mask=text.attention_mask.repeat_interleave(times, 0),
        caption_id=text.caption_id.repeat_interleave(times, 0),
        is_null=text.is_null.repeat_interleave(times, 0),
        input_ids=wide(text.input_ids),
        states=wide(text.states),
        swapped=tuple(each_repeated(other, times) for other in text.swapped),
    )


def feature_width(model: SegmentationModel) -> int:
    """Channels of ``Prediction.features``, found by asking about one black image without words."""
    text = no_words([None])
    if model.text_input is not None:
        trained = model.text_input.encoder is not None
        ids = torch.zeros(1, 1, dtype=torch.int64) if trained else None
        text = replace(text, input_ids=ids, states=None if trained else torch.zeros(1, 1, model.text_input.width))
    training = model.training
    with torch.no_grad():
        features = model.eval()(torch.zeros(1, 3, 2 * model.stride, 2 * model.stride), text).features
    model.train(training)
    if features is None:
        raise ValueError(f"the model {model.name} does not say what its logits are made of (Prediction.features)")
    return int(features.shape[1])


def without_words(text: TextBatch, rows: Tensor) -> TextBatch:
    """The sentences, of which those where bool[B] says so are null."""
    null = no_sentences(text, len(text))

    def chosen(one: Tensor | None, other: Tensor | None) -> Tensor | None:
        if one is None or other is None:
            return None
        return torch.where(rows.view((-1,) + (1,) * (one.ndim - 1)), other, one)

    return replace(
        text,
        attention_mask=torch.where(rows[:, None], null.attention_mask, text.attention_mask),
        caption_id=torch.where(rows, null.caption_id, text.caption_id),
        is_null=text.is_null | rows,
        input_ids=chosen(text.input_ids, null.input_ids),
        states=chosen(text.states, null.states),
        swapped=tuple(without_words(other, rows) for other in text.swapped),
        names_place=None if text.names_place is None else text.names_place & ~rows,
    )
