"""Sentences with their places swapped."""

import torch

from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.swapped import every_swap, swap_places, with_swapped
from lexseg.encoders.text.word import WordEncoder

CAPTION = "Unilateral pulmonary infection, one infected area, lower left lung."
BOTH = "Bilateral pulmonary infection, all left lung and all right lung."


def test_each_way_on_its_own() -> None:
    assert swap_places(CAPTION, "horizontal") == CAPTION.replace("left", "right")
    assert swap_places(CAPTION, "vertical") == CAPTION.replace("lower", "upper")
    assert swap_places("one infected area", "horizontal") is None
    assert swap_places("", "vertical") is None
    assert swap_places(None, "vertical") is None
    # the words would change, but not what they say
    for text in (BOTH, "LLZ + RLZ", "left lung as well as right lung"):
        assert swap_places(text, "horizontal") is None
    for text in ("upper lower left lung and lower upper right lung", "upper middle lower right lung"):
        assert swap_places(text, "vertical") is None
    assert swap_places("middle lower left lung", "vertical") == "middle upper left lung"


def test_all_ways_of_many() -> None:
    assert every_swap([CAPTION, None, "opacity"]) == [
        CAPTION.replace("left", "right"), CAPTION.replace("lower", "upper"),
    ]  # fmt: skip


def test_encoded_beside_the_sentence() -> None:
    encode = TextPipeline(WordEncoder(vocabulary=["left", "right", "upper", "lower", "lung"], width=8, heads=2))
    texts = ["left lung", None, "lower lung", "lung"]
    batch = with_swapped(encode)(texts)
    assert torch.equal(batch.caption_id, encode(texts).caption_id)
    sides, heights = batch.swapped
    assert sides.is_null.tolist() == [False, True, True, True]
    assert heights.is_null.tolist() == [True, True, False, True]
    assert sides.input_ids is not None and encode(["right lung"]).input_ids is not None
    assert sides.caption_id[0] == encode(["right lung"]).caption_id[0]
    assert [len(other) for other in batch.to("cpu").swapped] == [4, 4]
