"""What is understood is asked in plain words, in those that the model knows best."""

import json

import numpy as np
import pytest

import fakes
from lexseg.errors import ModelError
from lexseg.models.io import load_model
from lexseg.outputs.demo import examples
from lexseg.predict.segmenter import Segmenter

ODD, PLAIN = "What is wrong with the left lung?", "infection in the left lung"


def asker(sides, plain):
    return Segmenter(
        sides.model, sides.text_encoder, size=fakes.SIZE, laterality="image", plain=plain, name="sides", device="cpu"
    )


@pytest.mark.parametrize("tta", [False, True])
def test_what_is_understood_is_asked_in_plain_words_alone(sides, monkeypatch, tta):
    asked = []

    def answer(encoded, rows, texts):
        asked.append(list(zip(rows, texts, strict=True)))
        logits = np.stack([np.full((1, *fakes.SIZE), len(text), np.float32) for text in texts])
        return logits, np.array([len(text) for text in texts], np.float32)

    speaker = asker(sides, {"chest": "infection"})
    monkeypatch.setattr(speaker.engine, "answer", answer)
    texts = [[ODD, "left"], ["left lung"]]
    answers = speaker.answer_batch([np.zeros((32, 64), np.float32)] * 2, texts, tta=tta)
    straight = [(0, PLAIN), (0, "left"), (1, PLAIN)]  # of which organ nobody knows
    mirrored = [(row + 2, text.replace("left", "right")) for row, text in straight]
    assert asked == [straight + mirrored if tta else straight]

    def mean(text):
        texts = [text, text.replace("left", "right")] if tta else [text]
        return np.mean([1 / (1 + np.exp(-float(len(each)))) for each in texts])

    for answer, (_, text) in zip([*answers[0], *answers[1]], straight, strict=True):
        np.testing.assert_allclose(answer.probability, mean(text), atol=1e-6)
        assert answer.presence == pytest.approx(mean(text), abs=1e-6)


def test_without_a_noun_the_sentence_is_asked_as_it_stands(sides):
    image = np.zeros((32, 64), np.float32)
    for speaker, asked in ((asker(sides, {"chest": "infection"}), PLAIN), (asker(sides, None), ODD), (sides, ODD)):
        session = speaker.set_image(image)
        assert session.ask(ODD).heard.asked(session.world) == asked


@pytest.mark.parametrize(
    ("case", "odd", "plainly"),
    [
        ("cxr_pneumonia_1", "What is wrong with the right lung?", "infection in the right lung"),
        ("cxr_pneumonia_1", "what do you see on the right?", "infection in the right lung"),
        ("breast_case012", "any suspicious lesion in this breast?", "breast mass"),
    ],
)
def test_the_bundled_model_answers_by_what_is_meant(case, odd, plainly):
    speaker = Segmenter.from_pretrained("default", device="cpu")
    session = speaker.set_image(next(each.image for each in examples() if each.id == case))
    one, other = session.segment(odd), session.segment(plainly)
    assert one.state == other.state == "found"
    np.testing.assert_array_equal(one.probability, other.probability)
    assert one.presence == other.presence
    speaker._plain.clear()
    assert not np.array_equal(session.segment(odd).probability, other.probability)  # to the network it is another


@pytest.mark.parametrize(
    ("text", "on", "state"),
    [  # the fake encoder knows none of these words
        ("is there pneumonia?", 0.0, None),
        ("is there pneumonia?", 0.7, "not in scope"),
        ("is there pneumonia?", 0.95, "not in scope"),
        ("a suspicious mass", 0.7, None),
        ("a suspicious mass", 0.0, "not in scope"),
        ("xylophone pneumonia", 0.0, "not in scope"),
        ("banana", 0.0, "not in scope"),
    ],
)
def test_a_question_that_is_understood_is_in_scope_however_strange(scoped, text, on, state):
    assert scoped.set_image(fakes.picture(on)).ask(text).settled == state


@pytest.mark.parametrize(
    ("typed", "asked", "read_as"),
    [
        ("pnuemonia in the leftlung", "infection in the left lung", ["pneumonia", "left lung"]),
        ("consolidation on the lfet", "infection in the left lung", ["left"]),
        ("no pnuemonia, wihtout opacity", None, ["pneumonia", "without"]),
        ("is there a lesson?", "is there a lesson?", []),  # a word, and no lesion
        ("opacity on the left", "infection in the left lung", []),
    ],
)
def test_a_misspelt_word_is_asked_and_told_as_it_was_meant(sides, typed, asked, read_as):
    heard = asker(sides, {"chest": "infection"}).set_image(np.zeros((32, 64), np.float32)).ask(typed).heard
    assert heard.asked("chest") == asked
    told = [doubt for doubt in heard.doubts if "misspelt" in doubt]
    assert len(told) == bool(read_as)
    for word in read_as:
        assert f"'{word}'" in told[0]
    assert "pnuemonia" not in " ".join(heard.doubts)  # the sentence is not quoted


def test_a_misspelt_side_is_the_patients_too(sides):
    """The word is mended before its side is turned to the model's own."""
    session = asker(sides, {"chest": "infection"}).set_image(np.zeros((32, 64), np.float32))
    assert session.ask("opacity on the rifht", laterality="patient").heard.asked("chest") == PLAIN


@pytest.mark.parametrize("plain", [{"knee": "tear"}, {"chest": ""}, {"chest": 3}, ["chest"], "infection"])
def test_impossible_plain_words_are_refused(sides_folder, plain):
    fakes.configure(sides_folder, plain=plain)
    with pytest.raises(ModelError, match="'plain' must be null or name"):
        load_model(sides_folder)


def test_plain_words_are_kept_with_the_model(sides_folder):
    assert json.loads((sides_folder / "config.json").read_text())["plain"] is None
    fakes.configure(sides_folder, plain={"chest": "opacity"})
    assert load_model(sides_folder).config.plain == {"chest": "opacity"}
    session = Segmenter.from_pretrained(sides_folder, device="cpu").set_image(np.zeros((32, 64), np.float32))
    assert session.ask(ODD).heard.asked(session.world) == "opacity in the left lung"
