"""What is not in scope is told apart from what is absent, is not painted, and is said with its reason."""

from dataclasses import replace

import numpy as np
import pytest

import fakes
from lexseg.outputs.demo import examples
from lexseg.predict.answered import Outside, caption_of, consistent, describe, judged
from lexseg.predict.ask import Denied, Options, ask, look, segment_together
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.segmenter import Segmenter

CHEST, BREAST, NEITHER = fakes.picture(), fakes.picture(0.7), fakes.picture(0.95)


def told(result):
    return result.state, None if result.outside is None else result.outside.reason


@pytest.mark.parametrize(
    ("image", "text", "expected"),
    [
        # each line would also be all of the lines below it
        (NEITHER, "no zzz", ("not in scope", "image")),
        (NEITHER, "lung", ("not in scope", "image")),
        (CHEST, "no zzz", ("not in scope", "words")),
        (CHEST, "zzz", ("not in scope", "words")),
        (BREAST, "no left lung", ("not in scope", "world")),
        (BREAST, "left lung", ("not in scope", "world")),
        (CHEST, "no left lung", ("negated", None)),
        (CHEST, "the left lesion in the right lung", ("not found", None)),
        (CHEST, "right lung", ("not found", None)),
        (CHEST, "left lung", ("found", None)),
        (BREAST, "bright left", ("found", None)),
        (CHEST, None, ("found", None)),
    ],
)
def test_the_order_of_states(scoped, image, text, expected):
    assert told(scoped.set_image(image).segment(text)) == expected


def test_what_is_not_looked_for_is_no_reason(scoped):
    session = scoped.set_image(CHEST)
    assert told(session.segment("no zzz; bright left lung")) == ("found", None)
    assert told(session.segment("zzz; no left lung")) == ("not in scope", "words")


def test_nothing_is_painted_and_nothing_is_asked(scoped, monkeypatch):
    monkeypatch.setattr(scoped.model, "decode", None)
    result = scoped.set_image(CHEST).segment("zzz")
    assert not result.found and not result.mask.any() and not result.probability.any() and result.presence is None
    assert result.describe()["area"]["px"] == 0


def test_the_reasons_are_told_in_words_and_quote_no_sentence(scoped):
    why = {
        reason: scoped.set_image(image).segment(text).outside.why
        for reason, image, text in (("image", NEITHER, "left"), ("words", CHEST, "zzz"), ("world", BREAST, "lung"))
    }
    assert "of no kind" in why["image"] and "chest (CR, DX), breast (US)" in why["image"]
    assert "nothing that the model has learnt" in why["words"]
    assert why["world"] == (
        "the words are nearest to what the model has learnt of chest (CR, DX), and the image looks like breast (US), "
        "where it has not learnt to find that"
    )
    assert not any("zzz" in each or "lung" in each for each in why.values())


@pytest.mark.parametrize(("image", "text"), [(NEITHER, "left"), (CHEST, "zzz"), (BREAST, "left lung")])
def test_it_is_looked_for_anyway_where_the_user_wishes(scoped, image, text):
    asked = scoped.set_image(image).segment(text, anyway=True)
    scope, scoped.scope = scoped.scope, None
    ignorant = scoped.set_image(image).segment(text)
    scoped.scope = scope
    assert asked.anyway and asked.outside is not None and not ignorant.anyway
    assert asked.state == ignorant.state and np.array_equal(asked.mask, ignorant.mask)
    assert asked.presence == ignorant.presence


def test_what_is_in_scope_is_not_marked(scoped):
    assert not scoped.set_image(CHEST).segment("left lung", anyway=True).anyway


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_a_blank_image_is_no_image(scoped, value, shape):
    result = scoped.set_image(np.full(shape, value, np.float32)).segment("left lung")
    assert told(result) == ("not in scope", "image") and "equal" in result.outside.why
    almost = np.full(shape, value, np.float32)
    almost[3, 3] = 0.5
    assert scoped.set_image(almost).blank is False


def test_a_model_of_unknown_scope_is_asked_as_ever(sides_folder):
    segmenter = Segmenter.from_pretrained(sides_folder, device="cpu")
    assert segmenter.scope is None
    for image in (CHEST, BREAST, NEITHER):
        assert told(segmenter.set_image(image).segment("zzz")) == ("found", None)


@pytest.mark.usefixtures("known_scope")
def test_a_loaded_model_knows_its_scope(sides_folder):
    assert Segmenter.from_pretrained(sides_folder, device="cpu").scope.names == ("chest", "breast")


def test_mirrored_views_are_judged_as_the_image_is(scoped):
    for image, state in ((CHEST, "found"), (NEITHER, "not in scope")):
        assert scoped.set_image(image, tta=True).segment("left").state == state


def test_many_are_judged_as_one_by_one(scoped):
    images = [CHEST, NEITHER, BREAST]
    texts = [["left lung", "zzz"], ["left", "no lung"], ["lung", "bright left"]]
    for anyway in (False, True):
        answers = scoped.answer_batch(images, texts, anyway=anyway)
        for image, asked, answered in zip(images, texts, answers, strict=True):
            for text, answer in zip(asked, answered, strict=True):
                alone = scoped.set_image(image).segment(text, anyway=anyway)
                assert np.allclose(answer.probability, alone.probability, atol=1e-6)
                assert answer.presence == pytest.approx(alone.presence or 0.0)


def test_a_report_says_what_is_not_in_scope_but_of_what_it_denies(scoped):
    report = "Bright lung left. There is a zzz. No zzz."
    states = [each.result.state for each in scoped.set_image(CHEST).segment_report(report)]
    assert states == ["found", "not in scope", "negated"]
    states = [each.result.state for each in scoped.set_image(NEITHER).segment_report(report)]
    assert states == ["not in scope"] * 3
    states = [each.result.state for each in scoped.set_image(CHEST).segment_report(report, anyway=True)]
    assert states == ["found", "found", "negated"]


# --- volumes ---------------------------------------------------------------------------


class Pictures:
    """Frames that are given."""

    inverted = False

    def __init__(self, pictures):
        self._pictures = pictures

    def frame(self, index):
        from lexseg.scans.scan import Frame

        return Frame(100 * self._pictures[index])


def volume(*pictures):
    from lexseg.scans.scan import Scan
    from lexseg.scans.window import Window

    return Scan(
        name="ct", format="nifti", modality="CT", shape=(len(pictures), *pictures[0].shape), color=False, spacing=None,
        thickness=None, patient_left=None, windows=(Window(0, 100),), notes=(), source=Pictures(pictures),
    )  # fmt: skip


def test_a_volume_is_judged_by_the_frames_that_are_in_scope(scoped):
    scan = volume(NEITHER, CHEST, np.zeros_like(CHEST), CHEST)
    found, right, foreign = ask(scoped, scan, ["left", "right", "zzz"], Options(batch=2))
    assert found.state == "found" and sorted(found.bits) == [1, 3] and sorted(found.outside_in) == [0, 2]
    assert right.state == "not found" and right.outside is None
    assert told(foreign) == ("not in scope", "words") and foreign.presence is None and not foreign.bits
    values = describe(found)
    assert values["frames_not_in_scope"] == [0, 2] and values["reason"] is None and not values["anyway"]
    values = describe(foreign)
    assert (values["state"], values["reason"], values["presence"]) == ("not in scope", "words", None)


def test_a_volume_is_asked_anyway(scoped):
    scan = volume(NEITHER, CHEST)
    first, second = ask(scoped, scan, ["left lung", "zzz"], Options(anyway=True))
    assert first.anyway and first.state == "found" and sorted(first.bits) == [0, 1]
    assert second.anyway and second.outside.reason in ("image", "words") and sorted(second.bits) == [0, 1]
    (inside,) = ask(scoped, volume(CHEST, CHEST), ["left lung"], Options(anyway=True))
    assert not inside.anyway and inside.outside is None


def test_an_image_and_a_volume_of_it_are_told_alike(scoped):
    for picture in (CHEST, BREAST, NEITHER):
        scan = volume(picture)
        (session,) = look(scoped, [(scan, scan.show(0))])
        for sentence in ("left lung", "zzz", "no zzz", Denied("zzz"), "right"):
            (image,), (whole,) = (ask(scoped, about, [sentence]) for about in (session, scan))
            assert told(image) == told(whole)
            assert judged(image) == judged(whole)


# --- how it is told ------------------------------------------------------------------------


def test_what_is_written_of_it(scoped):
    result = scoped.set_image(CHEST).segment("zzz")
    values = describe(result)
    assert (values["state"], values["reason"], values["anyway"]) == ("not in scope", "words", False)
    assert values["presence"] is None and values["explanation"] == result.outside.why and values["area"]["px"] == 0
    assert values["model"] == "sides" and "model_sha256" in values and values["lexseg"]
    assert caption_of(result, values, False) == [f"not in scope: {result.outside.why}"]
    made = scoped.set_image(CHEST).segment("zzz", anyway=True)
    values = describe(made)
    assert (values["state"], values["reason"], values["anyway"]) == ("found", "words", True)
    (line,) = caption_of(made, values, False)
    assert "anyway" in line and result.outside.why in line


# --- a state and its presence never contradict each other ---------------------------------------


def agree(values):
    """What is written of presence is below its threshold if and only if nothing was found."""
    return (values["presence"] < values["presence_threshold"]) == (values["state"] == "not found")


def close_calls():
    """Presence, highest probability of a pixel, and both thresholds: anything, and all that lies side by side."""
    rng = np.random.default_rng(0)
    for threshold, sure in rng.uniform(0.001, 0.999, (300, 2)):
        beside = [np.nextafter(np.float32(threshold), np.float32(to)) for to in (0, 1)]
        for highest in (0.0, 1.0, rng.uniform(), threshold, *beside):
            for presence in (0.0, 1.0, rng.uniform(), sure, sure - 1e-9, sure + 1e-9, sure - 3e-5, sure + 3e-5):
                yield float(presence), float(np.float32(highest)), float(threshold), float(sure)


def test_presence_never_contradicts_the_state():
    for presence, highest, threshold, sure in close_calls():
        told = consistent(presence, highest, threshold=threshold, presence_threshold=sure)
        assert told == presence or (presence >= sure > told and highest < threshold)
        where = np.full((1, 1), highest, np.float32)
        result = Segmentation(where, threshold, presence=told, presence_threshold=sure)
        assert agree(judged(result)), (presence, highest, threshold, sure)
        assert agree({"presence": told, "presence_threshold": sure, "state": result.state})


def test_presence_without_a_place_is_told_as_not_found(careful_sides):
    result = careful_sides.set_image(fakes.picture()).segment("left", threshold=0.9999999)
    assert result.state == "not found" and result.presence < result.presence_threshold
    assert replace(result, threshold=0.5, presence=0.9).state == "found"


def test_a_scope_comes_before_all_else():
    outside = Outside("words", "why")
    where = np.ones((2, 2), np.float32)
    for negated in (False, True):
        result = Segmentation(where, 0.5, presence=0.9, presence_threshold=0.5, negated=negated, outside=outside)
        assert result.state == "not in scope" and not result.mask.any()
        assert replace(result, anyway=True).state == ("negated" if negated else "found")


@pytest.mark.slow
def test_no_example_is_told_with_a_presence_that_contradicts_its_state():
    """All the example images, asked all the example sentences."""
    segmenter = Segmenter.from_pretrained("default", device="cpu")
    cases = examples()
    texts = sorted({case.text for case in cases})
    seen = set()
    for image in sorted({case.image for case in cases}):
        session = segmenter.set_image(image)
        for result in segment_together([session.ask(text, anyway=True) for text in texts]):
            assert result.presence is not None and agree(judged(result)), (image.name, result.text)
            seen.add(result.state)
    assert seen == {"found", "not found"}


def test_a_misspelt_question_is_judged_by_what_was_meant(scoped):
    """One wrong letter in the one noun of a short question leaves a text encoder little to go by."""
    assert scoped.known_words("rihgt").known and not scoped.known_words("qqqqq").known
    assert told(scoped.set_image(CHEST).segment("brihgt lung on the lfet side"))[0] != "not in scope"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("large right pneumothorax", "words"),
        ("Is there an effusion?", "words"),
        ("a mass in the left lung", "words"),  # masses are of the breast, whose images show no lung
        ("a mass", "world"),
    ],
)
def test_another_finding_than_those_learnt_is_neither_found_nor_absent(text, reason):
    """The film shows pneumonia, which was painted and called what was asked for."""
    picture = next(each.image for each in examples() if each.image.name == "cxr_00003528.png")
    session = Segmenter.from_pretrained("default", engine="onnx").set_image(picture)
    assert session.segment("pneumonia").state == "found"
    assert told(session.segment(text)) == ("not in scope", reason)
    assert session.segment(text, anyway=True).anyway
