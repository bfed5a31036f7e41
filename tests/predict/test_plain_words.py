"""A request for one whole lung is also asked in plain words, and the answers are averaged."""

import json

import numpy as np
import pytest

import fakes
from lexseg.errors import ModelError
from lexseg.language.sides import mirror_words
from lexseg.models.io import load_model
from lexseg.outputs.demo import examples
from lexseg.predict.segmenter import Segmenter

ODD, PLAIN = "What is wrong with the left lung?", "infection in the left lung"


def asker(sides, plain):
    return Segmenter(
        sides.model, sides.text_encoder, size=fakes.SIZE, laterality="image", plain=plain, name="sides", device="cpu"
    )


@pytest.mark.parametrize("tta", [False, True])
def test_both_wordings_are_views_of_one_question(sides, monkeypatch, tta):
    asked = []

    def answer(encoded, rows, texts):
        asked.append(list(zip(rows, texts, strict=True)))
        logits = np.stack([np.full((1, *fakes.SIZE), len(text), np.float32) for text in texts])
        return logits, np.array([len(text) for text in texts], np.float32)

    speaker = asker(sides, {"chest": "infection"})
    monkeypatch.setattr(speaker.engine, "answer", answer)
    texts = [[ODD, "left"], ["left lung"]]
    answers = speaker.answer_batch([np.zeros((32, 64), np.float32)] * 2, texts, tta=tta)
    straight = [(0, ODD), (0, "left"), (1, "left lung"), (0, PLAIN), (1, PLAIN)]
    mirrored = [(row + 2, text.replace("left", "right")) for row, text in straight]
    assert asked == [straight + mirrored if tta else straight]

    def mean(*texts):
        if tta:
            texts += tuple(text.replace("left", "right") for text in texts)
        return np.mean([1 / (1 + np.exp(-float(len(text)))) for text in texts])

    for answer, wordings in zip(
        [*answers[0], *answers[1]], [(ODD, PLAIN), ("left",), ("left lung", PLAIN)], strict=True
    ):
        np.testing.assert_allclose(answer.probability, mean(*wordings), atol=1e-6)
        assert answer.presence == pytest.approx(mean(*wordings), abs=1e-6)


def test_without_a_noun_only_the_sentence_is_asked(sides):
    assert asker(sides, {"chest": "infection"}).wordings(ODD) == (ODD, PLAIN)
    assert asker(sides, None).wordings(ODD) == sides.wordings(ODD) == (ODD,)


def test_the_bundled_model_answers_with_the_mean_of_both():
    speaker = Segmenter.from_pretrained("default", device="cpu")
    # a film on which both are found: the presence of what is not found is held below the threshold
    film = next(case.image for case in examples() if case.id == "cxr_pneumonia_1")
    odd, plainly = (mirror_words(text, "horizontal") for text in (ODD, PLAIN))
    session = speaker.set_image(film)
    plain = session.segment(plainly)
    speaker._plain.clear()
    own = session.segment(odd)
    speaker._plain["chest"] = "infection"
    both = session.segment(odd)
    np.testing.assert_allclose(both.probability, (own.probability + plain.probability) / 2, atol=1e-5)
    assert both.presence == pytest.approx((own.presence + plain.presence) / 2, abs=1e-5)
    assert abs(own.presence - plain.presence) > 1e-4  # they are not the same to the network


def test_a_tumour_of_the_breast_is_asked_for_as_before():
    speaker = Segmenter.from_pretrained("default", device="cpu")
    scan = next(case for case in examples() if case.mask is not None)
    answer = speaker.set_image(scan.image).segment("mass in the left breast")
    speaker._plain.clear()
    assert np.array_equal(
        answer.probability, speaker.set_image(scan.image).segment("mass in the left breast").probability
    )


@pytest.mark.parametrize("plain", [{"knee": "tear"}, {"chest": ""}, {"chest": 3}, ["chest"], "infection"])
def test_impossible_plain_words_are_refused(sides_folder, plain):
    fakes.configure(sides_folder, plain=plain)
    with pytest.raises(ModelError, match="'plain' must be null or name"):
        load_model(sides_folder)


def test_plain_words_are_kept_with_the_model(sides_folder):
    assert json.loads((sides_folder / "config.json").read_text())["plain"] is None
    fakes.configure(sides_folder, plain={"chest": "opacity"})
    assert load_model(sides_folder).config.plain == {"chest": "opacity"}
    assert Segmenter.from_pretrained(sides_folder, device="cpu").wordings(ODD) == (ODD, "opacity in the left lung")
