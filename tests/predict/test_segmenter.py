import io
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from lexseg.errors import ConfigError, DataError, TextError
from lexseg.predict.segmenter import Segmenter


def two_spots(height=90, width=160):
    """A dark image with a bright square in each half, at its own size."""
    image = np.zeros((height, width), np.float32)
    image[30:60, 20:50] = 1
    image[30:60, 110:140] = 1
    return image


def doubt_of(result, words):
    (doubt,) = result.doubts
    return words in doubt


def test_doubts_are_data_and_no_warnings(sides):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sides.set_image(two_spots()).segment("zyx wvu").doubts


def test_the_old_name_of_doubts_is_known_for_one_more_release():
    with pytest.warns(DeprecationWarning, match="doubts"):
        from lexseg.predict.words import WordsWarning
    assert issubclass(WordsWarning, UserWarning)


def test_the_words_decide_and_the_mask_has_the_image_s_own_size(sides):
    session = sides.set_image(two_spots())
    both, left, right = (session.segment(t) for t in (None, "left lung", "right lung"))
    assert left.mask.shape == left.probability.shape == (90, 160)
    assert left.mask.dtype == np.bool_ and left.probability.dtype == np.float32
    assert left.mask[45, 35] and not left.mask[:, 80:].any()
    assert right.mask[45, 125] and not right.mask[:, :80].any()
    assert both.mask.sum() == left.mask.sum() + right.mask.sum()
    assert both.mask.sum() == pytest.approx(2 * 30 * 30, rel=0.1)  # the stretch to 32x64 and back keeps the area
    assert left.found and left.text == "left lung" and left.presence is None
    assert both.text is None


def test_an_image_is_encoded_once_for_many_sentences(sides):
    session = sides.set_image(two_spots())
    for text in ("left", "right", None, "bright"):
        session.segment(text)
    assert sides.model.encoded == 1


def test_found_is_false_where_nothing_reaches_the_threshold(sides):
    result = sides.set_image(np.zeros((40, 40), np.float32)).segment("bright")
    assert not result.found and not result.mask.any()


def test_the_threshold_can_be_chosen_but_not_be_impossible(sides):
    session = sides.set_image(np.full((40, 40), 0.52, np.float32))  # probability sigmoid(0.4) = 0.599
    assert session.segment(threshold=0.59).found
    assert not session.segment(threshold=0.61).found
    for impossible in (0, 1, -1, float("nan")):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            session.segment(threshold=impossible)


def test_patients_words_are_rewritten_for_a_model_of_the_image_s_words(sides):
    session = sides.set_image(two_spots())
    asked = session.segment("left lung", laterality="patient")
    assert np.array_equal(asked.mask, session.segment("right lung").mask)
    assert asked.text == "left lung" and asked.laterality == "patient"
    assert session.segment("left lung").laterality == "image"  # the model's own


def test_an_unknown_convention_of_the_model_is_a_doubt_where_it_matters(sides):
    sides.laterality = None
    session = sides.set_image(two_spots())
    assert doubt_of(session.segment("left lung", laterality="patient"), "does not say whose left")
    assert session.segment("bright lung", laterality="patient").doubts == ()


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_sentence_is_refused(sides, blank):
    with pytest.raises(TextError, match="blank"):
        sides.set_image(two_spots()).segment(blank)


def test_a_sentence_is_never_cut(sides):
    with pytest.raises(TextError, match="64"):
        sides.set_image(two_spots()).segment("lung " * 65)


def test_unknown_words_are_a_doubt(sides):
    session = sides.set_image(two_spots())
    assert doubt_of(session.segment("zyx wvu"), "100%")
    assert session.segment("bright left lung").doubts == ()


def test_another_language_is_a_doubt(sides):
    asked = sides.set_image(two_spots()).segment("left left left left left left und")
    assert doubt_of(asked, "does not look English")


def test_which_language_to_name_is_said_where_a_lexicon_knows_the_words(sides):
    session = sides.set_image(two_spots())
    for text, language in (("左下肺浸润", "zh"), ("opacidad", "es")):
        assert any(f"say so: language '{language}'" in doubt for doubt in session.segment(text).doubts)


def test_a_sentence_in_a_language_that_is_named(sides):
    session = sides.set_image(two_spots())
    german, english = session.segment("Linke Lunge", language="de"), session.segment("in the left lung")
    np.testing.assert_array_equal(german.probability, english.probability)
    assert german.text == "Linke Lunge" and german.found
    assert session.segment("Keine Verschattung in der linken Lunge", language="de").negated
    assert any("not in the lexicon" in doubt for doubt in session.segment("Links Aktinomykose", language="de").doubts)
    with pytest.raises(TextError, match="'tlh'"):
        session.segment("left lung", language="tlh")


def test_a_report_in_a_language_that_is_named(sides):
    report = "Klinische Angaben: Husten.\nBefund: Verschattung links. Kein Erguss. Empfehlung: CT."
    found = sides.set_image(two_spots()).segment_report(report, language="de")
    assert [(each.finding.text, each.finding.negated) for each in found] == [
        ("Verschattung links", False), ("Kein Erguss", True)]  # fmt: skip


def test_a_place_that_is_left_out_is_told_and_no_denial(sides):
    session = sides.set_image(two_spots())
    part = session.segment("the left lung without the lower zone")
    assert part.state == "found" and any("not cut out of the mask" in doubt for doubt in part.doubts)
    nothing = session.segment("ohne die linke Lunge", language="de")
    assert nothing.state == "negated" and any("and not what to find" in doubt for doubt in nothing.doubts)
    alone = session.segment("not the left side, only the right")
    assert alone.state == "found" and not any("leave" in doubt for doubt in alone.doubts)


def test_bytes_that_are_no_text_are_refused(sides):
    with pytest.raises(TextError, match="UTF-8"):
        sides.set_image(two_spots()).segment("lung \udce4")


def test_test_time_augmentation_swaps_the_words_with_the_pixels(sides):
    """The fake's answers mirror exactly, so that the mean is the plain answer; with words unswapped it is not."""
    plain, augmented = sides.set_image(two_spots()), sides.set_image(two_spots(), tta=True)
    for text in (None, "left lung", "right"):
        np.testing.assert_allclose(augmented.segment(text).probability, plain.segment(text).probability, atol=1e-5)


def test_test_time_augmentation_averages(sides, monkeypatch):
    """A model that prefers one side: the mean of an image and its mirror is symmetric."""

    def decode(features, text):
        from lexseg.models.base import Prediction

        logits = torch.full((len(text), 1, 32, 64), -4.0)
        logits[..., :32] = 4.0
        return Prediction(logits, presence=torch.arange(float(len(text))))

    monkeypatch.setattr(sides.model, "decode", decode)
    result = sides.set_image(np.zeros((32, 64), np.float32), tta=True).segment("lung")
    np.testing.assert_allclose(result.probability, 0.5, atol=1e-6)
    assert result.presence == pytest.approx((0.5 + torch.tensor(1.0).sigmoid().item()) / 2)


@pytest.mark.parametrize("tta", [False, True])
def test_a_batch_answers_as_single_questions_do(sides, tta):
    rng = np.random.default_rng(0)
    images = [two_spots(), rng.random((50, 70, 3), dtype=np.float32), np.ones((1, 1), np.float32)] * 7  # 2 chunks
    texts = [["left", None], ["right"], []] * 7
    answers = sides.segment_batch(images, texts, tta=tta)
    assert [len(a) for a in answers] == [2, 1, 0] * 7
    assert sides.model.encoded == 21 * (2 if tta else 1)
    for i in (0, 1, 18, 19):
        session = sides.set_image(images[i], tta=tta)
        for text, probability in zip(texts[i], answers[i], strict=True):
            assert probability.shape == images[i].shape[:2]
            np.testing.assert_allclose(probability, session.segment(text).probability, atol=1e-5)


def test_blank_is_the_null_sentence_in_a_batch(sides):
    blank, null = sides.segment_batch([two_spots()], [["", None]])[0]
    assert np.array_equal(blank, null)


def test_a_batch_reads_files_and_wants_lists_of_sentences(sides, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray((two_spots() * 255).astype(np.uint8)).save(path)
    found = sides.segment_batch([path, path], [["left"], ["right"]])
    assert not np.array_equal(found[0][0], found[1][0])
    for texts, message in ((["left", "right"], "list of sentences"), ([["left"]], "2 images, but sentences for 1")):
        with pytest.raises(TextError, match=message):
            sides.segment_batch([path, path], texts)


@pytest.mark.parametrize("spacing", [(0, 1), (-1, -1), (float("nan"), 1), (float("inf"), 1), 1, "a", (0.1,)])
def test_what_is_no_spacing_is_refused(sides, spacing):
    with pytest.raises(DataError, match="two positive numbers of millimetres"):
        sides.set_image(two_spots(), spacing=spacing)


def test_one_segmenter_serves_many_threads(sides):
    image = two_spots()
    mirrored = np.ascontiguousarray(image[:, ::-1]) * 0.9
    expected = {k: sides.set_image(i).segment("left").mask for k, i in {"a": image, "b": mirrored}.items()}

    def ask(k):
        return np.array_equal(sides.set_image(image if k == "a" else mirrored).segment("left").mask, expected[k])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, ["a", "b"] * 40))


def test_paths_arrays_and_pillow_images_are_the_same(sides, tmp_path):
    values = (two_spots() * 200).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    results = [
        sides.set_image(i).segment("left").probability for i in (values, tmp_path / "a.png", Image.fromarray(values))
    ]
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_one_pixel_and_colour_and_a_long_strip(sides):
    for shape in ((1, 1), (1, 1, 3), (3, 500), (500, 3, 3)):
        assert sides.set_image(np.full(shape, 0.9, np.float32)).segment("bright").mask.all()


@pytest.mark.parametrize("image", [None, 3, b"film.png", {"image": 1}, [[1, 2], [3]]])
def test_what_is_no_image_is_named_by_its_kind(sides, image):
    kind = f"a path, an array or a Pillow image was expected, and this is {type(image).__name__}"
    with pytest.raises(DataError, match=kind):
        sides.set_image(image)


def test_a_list_of_rows_is_an_array(sides):
    image = two_spots()
    asked = [sides.set_image(each).segment("left").probability for each in (image, image.tolist())]
    np.testing.assert_allclose(asked[0], asked[1], atol=1e-6)


@pytest.mark.parametrize("report", [None, b"FINDINGS: opacity.", ["opacity"]])
def test_what_is_no_report_is_the_caller_s_mistake(sides, report):
    with pytest.raises(TextError, match=f"a report is text, and this is {type(report).__name__}"):
        sides.set_image(two_spots()).segment_report(report)


@pytest.mark.parametrize(
    "image, message",
    [
        (np.ma.masked_array(two_spots(), mask=two_spots() > 0), r"1800 of 14400 values.*masked.*image\.filled"),
        (two_spots().astype(complex), "complex128; expected numbers"),
        (two_spots().astype(object), "object; expected numbers"),
        (np.array(3.0), "an array of one value"),
        (np.zeros((3, 40, 50)), r"shape \(3, 40, 50\).*transpose\(1, 2, 0\)"),
        (torch.zeros(40, 50).requires_grad_(), r"Tensor; give image\.detach\(\)"),
        (torch.zeros(40, 50, dtype=torch.bfloat16), r"Tensor; give image\.detach\(\)"),
        (
            io.BufferedReader(io.BytesIO(b"x")),
            r"BufferedReader; give its path, or PIL\.Image\.open\(image\)$",
        ),  # has `detach`, too
        (io.BytesIO(b"x"), "BytesIO; give its path"),
        (b"x", r"bytes; give PIL\.Image\.open\(io\.BytesIO\(image\)\)$"),
        ("", "the path is empty"),
    ],
)
def test_arrays_that_are_no_image_as_they_stand_are_refused_with_what_to_give(sides, image, message):
    with pytest.raises(DataError, match=message):
        sides.set_image(image)


@pytest.mark.parametrize(
    "image",
    [
        np.ma.masked_array(two_spots()),
        two_spots().astype(np.float16),
        two_spots() > 0,
        np.stack([two_spots() > 0] * 4, -1),
        np.stack([two_spots() * 255] * 3 + [np.full((90, 160), 255)], -1).astype(np.int64),
        np.stack([two_spots()] * 4, -1) * 255.0,
        torch.from_numpy(two_spots()),
        (two_spots().astype(np.float64) - 0.5) * 1.7e308 * 2,
        *(
            Image.fromarray((two_spots() * 255).astype(np.uint8)).convert(mode)
            for mode in ("P", "LA", "I;16", "1", "L")
        ),
    ],
)
def test_whatever_holds_the_same_image_is_answered_alike(sides, image):
    asked = sides.set_image(two_spots()).segment("left")
    assert np.array_equal(sides.set_image(image).segment("left").mask, asked.mask) and asked.found


def test_nan_is_refused(sides):
    image = two_spots()
    image[3, 3] = np.nan
    with pytest.raises(DataError, match="NaN"):
        sides.set_image(image)


def test_an_impossible_device_is_the_user_s_mistake(sides):
    with pytest.raises(ConfigError, match="nonsense"):
        Segmenter(sides.model, None, size=(32, 64), device="nonsense")


def test_an_image_only_model_says_that_words_change_nothing(sides, monkeypatch):
    monkeypatch.setattr(type(sides.model), "uses_text", False)
    from lexseg.models.base import Prediction

    def decode(features, text):
        assert bool(text.is_null.all())
        return Prediction(features.maps[0].mean(1, keepdim=True))

    monkeypatch.setattr(sides.model, "decode", decode)
    blind = Segmenter(sides.model, None, size=(32, 64), device="cpu")
    session = blind.set_image(two_spots())
    asked = session.segment("left lung")
    assert doubt_of(asked, "image alone")
    assert np.array_equal(asked.mask, session.segment().mask)


def test_the_package_offers_the_segmenter_without_importing_torch_first():
    import subprocess

    code = (
        "import lexseg, sys; assert 'torch' not in sys.modules; from lexseg import Segmenter; print(Segmenter.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Segmenter"
