import math

import numpy as np
import pytest

import fakes
from lexseg.models.io import ModelConfig
from lexseg.predict.ask import given_present


def spot_on_the_left(brightness=1.0):
    image = np.zeros((90, 160), np.float32)
    image[30:60, 20:50] = brightness
    return image


def test_what_is_absent_gets_an_empty_mask_and_its_probability(careful_sides):
    session = careful_sides.set_image(spot_on_the_left())
    there, absent = session.segment("left"), session.segment("right")
    assert (there.state, absent.state) == ("found", "not found")
    # logits: (1 - 0.5) * 20 at the spot, -10 where the fake was not asked to look
    assert there.presence == pytest.approx(1 / (1 + math.exp(-(0.5 * 10 - 1))), abs=1e-3)
    assert absent.presence == pytest.approx(1 / (1 + math.exp(-(0.5 * -10 - 1))), abs=1e-3)
    assert there.found and there.mask[45, 35]
    assert not absent.found and not absent.mask.any()
    assert there.presence_threshold == 0.7


def test_the_threshold_on_presence_empties_a_mask_that_pixels_would_fill(careful_sides):
    session = careful_sides.set_image(spot_on_the_left(0.6))  # logit 2: presence sigmoid(0) = 0.5 < 0.7
    result = session.segment("left")
    assert result.probability.max() > result.threshold
    assert result.presence == pytest.approx(0.5, abs=0.02)
    assert result.state == "not found" and not result.mask.any()


def test_a_model_that_does_not_say_is_judged_by_its_pixels_alone(sides):
    result = sides.set_image(spot_on_the_left()).segment("left")
    assert result.presence is None and result.presence_threshold is None and sides.presence_threshold is None
    assert result.state == "found"
    assert sides.set_image(np.zeros((9, 9), np.float32)).segment("left").state == "not found"


def test_what_is_negated_is_not_looked_for(careful_sides):
    session = careful_sides.set_image(spot_on_the_left())
    negated = session.segment("No bright lung on the left.")
    assert negated.state == "negated" and negated.negated and negated.presence is None
    assert not negated.found and not negated.mask.any() and not negated.probability.any()
    part = session.segment("No bright lung on the right; bright lung on the left.")
    assert part.state == "found"
    assert np.array_equal(part.mask, session.segment("left").mask)
    assert part.text == "No bright lung on the right; bright lung on the left."


def test_what_contradicts_itself_is_not_found(careful_sides, sides):
    for segmenter, presence in ((careful_sides, 0.0), (sides, None)):
        result = segmenter.set_image(spot_on_the_left()).segment("the left lesion in the right lung")
        assert result.state == "not found" and not result.mask.any() and not result.negated
        assert result.presence == presence


def test_many_answers_are_the_same_as_one_by_one(careful_sides):
    images = [spot_on_the_left(), np.zeros((40, 50), np.float32), spot_on_the_left()[:, ::-1]]
    texts = [
        ["left", "no left lung", "right"],
        [],
        ["no lung on the left", None, "right", "left lesion in the right lung"],
    ]
    answers = careful_sides.answer_batch(images, texts)
    assert [len(a) for a in answers] == [3, 0, 4]
    for image, asked, given in zip(images, texts, answers, strict=True):
        for text, answer in zip(asked, given, strict=True):
            alone = careful_sides.set_image(image).segment(text or None)
            np.testing.assert_allclose(answer.probability, alone.probability, atol=1e-6)
            assert answer.presence == pytest.approx(0.0 if alone.negated else alone.presence, abs=1e-6)
    masks = careful_sides.segment_batch(images, texts)
    assert all(np.array_equal(m, a.probability) for ms, many in zip(masks, answers, strict=True)
               for m, a in zip(ms, many, strict=True))  # fmt: skip


def test_mirrored_views_are_averaged_in_presence_too(careful_sides):
    plain = careful_sides.set_image(spot_on_the_left()).segment("left")
    both = careful_sides.set_image(spot_on_the_left(), tta=True).segment("left")
    assert both.presence == pytest.approx(plain.presence, abs=1e-3)


@pytest.mark.parametrize(
    "presence",
    [{"scale": 1.0}, {"scale": 1.0, "bias": 0.0, "threshold": 1.5}, {"scale": "x", "bias": 0, "threshold": 0.5}, [1]],
)
def test_an_impossible_calibration_is_refused(sides_folder, presence):
    from lexseg.errors import ModelError
    from lexseg.models.io import load_model

    fakes.configure(sides_folder, presence=presence)
    with pytest.raises(ModelError, match="'presence' must be null or hold"):
        load_model(sides_folder)


def test_a_calibration_is_kept_with_the_model(sides_folder):
    from lexseg.predict.segmenter import Segmenter

    calibration = {"scale": 2.0, "bias": 0.5, "threshold": 0.4}
    fakes.configure(sides_folder, presence=calibration, arguments={"presence": True})
    assert Segmenter.from_pretrained(sides_folder, device="cpu").presence_threshold == 0.4
    assert ModelConfig("sides", {}, (32, 32)).presence is None


# --- whether it is there decides presence, and the map says where -------------------------------


def test_given_that_it_is_there_the_map_is_lifted_as_a_whole():
    rng = np.random.default_rng(0)
    for highest, peak in ((0.6, 3.0), (1e-5, 3.0), (0.0, 2.0), (0.94, 3.0)):
        before = (rng.uniform(0.1, 1, (7, 9)) * highest).astype(np.float32)
        before[3, 4] = highest
        kept = before.copy()
        after = given_present(before, peak)
        assert np.array_equal(before, kept) and after.dtype == np.float32
        assert after.max() == pytest.approx(1 / (1 + math.exp(-peak)), rel=1e-3)
        if highest:
            lift = np.log(after / (1 - after)) - np.log(before / (1 - before))
            assert np.ptp(lift) < 1e-2 and lift.min() > 0
        sure = np.full((2, 2), 0.99, np.float32)
        assert given_present(sure, peak) is sure


def reaching(segmenter, peak):
    segmenter._presence = segmenter._presence | {"peak": peak}
    return segmenter


def test_what_presence_finds_has_a_mask_however_low_its_pixels(careful_sides):
    image = spot_on_the_left(0.49)  # logit -0.2: no pixel reaches one half, and presence is sigmoid(-1.1)
    session = careful_sides.set_image(image)
    careful_sides._presence = careful_sides._presence | {"threshold": 0.2}
    assert session.segment("left").state == "not found"
    found = reaching(careful_sides, 3.0).set_image(image).segment("left")
    assert found.state == "found" and found.presence == pytest.approx(1 / (1 + math.exp(1.1)), abs=1e-3)
    assert found.mask[45, 35] and not found.mask[:, 80:].any()
    assert found.mask.mean() == pytest.approx(30 * 30 / image.size, rel=0.35)
    careful_sides._presence = careful_sides._presence | {"threshold": 0.3}
    absent = careful_sides.set_image(image).segment("left")
    assert absent.state == "not found" and not absent.mask.any()


@pytest.mark.parametrize("peak", [0, -1, float("nan"), "high"])
def test_a_mask_reaches_a_positive_number_of_logits(sides_folder, peak):
    from lexseg.errors import ModelError
    from lexseg.models.io import load_model

    fakes.configure(sides_folder, presence={"scale": 1.0, "bias": 0.0, "threshold": 0.5, "peak": peak})
    with pytest.raises(ModelError, match="'presence' must be null or hold"):
        load_model(sides_folder)
