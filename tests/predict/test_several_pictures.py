"""Of several pictures in one image each is asked by itself, and their answers are one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import lexseg
from fakes import Known, Unsure, picture
from lexseg import Segmenter
from lexseg.predict.answered import SEVERAL, describe
from lexseg.predict.ask import ask
from lexseg.predict.images import load_image
from lexseg.predict.options import Options
from lexseg.predict.panels import CUT, outside_of, told_of
from lexseg.predict.tiles import Tiles, segment_tiled
from lexseg.predict.words import Sides
from lexseg.scans.open import open_scan

EXAMPLES = Path(lexseg.__file__).parent / "assets" / "examples" / "images"
GAP = 12


@pytest.fixture(scope="module")
def film():
    return load_image(EXAMPLES / "cxr_00003528.png")


@pytest.fixture(scope="module")
def sonogram(film):
    with Image.open(EXAMPLES / "breast_case012.png") as opened:
        return load_image(opened.convert("L").resize(film.shape[::-1]))


@pytest.fixture(scope="module")
def model():
    return Segmenter.from_pretrained("default", device="cpu")


def beside(*pictures, shade=1.0):
    gap = np.full((len(pictures[0]), GAP), shade, np.float32)
    return np.concatenate([part for each in pictures for part in (gap, each)][1:], 1)


def place(number, width):
    return slice(number * (width + GAP), number * (width + GAP) + width)


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("asked", ["opacity in the right lung", "opacity in the left lung", None])
def test_each_film_of_two_is_answered_as_it_is_alone(model, film, asked, tta):
    dark = 0.7 * film
    alone = [model.set_image(each, tta=tta).segment(asked) for each in (film, dark)]
    answer = model.set_image(beside(film, dark), tta=tta).segment(asked)
    assert CUT in answer.doubts and SEVERAL not in answer.doubts
    for number, own in enumerate(alone):
        there = answer.mask[:, place(number, film.shape[1])]
        assert (there == own.mask).all()
    assert answer.mask.sum() == sum(own.mask.sum() for own in alone)
    assert answer.found == any(own.found for own in alone)
    assert answer.presence == pytest.approx(max(own.presence for own in alone), abs=1e-4)


def test_pictures_of_two_kinds_are_each_asked_what_is_theirs(model, film, sonogram):
    session = model.set_image(beside(film, sonogram))
    assert session.world is None and [panel.session.world for panel in session.panels] == ["chest", "breast"]
    for asked, number in (("opacity in the right lung", 0), ("breast tumour", 1)):
        answer = session.segment(asked)
        assert answer.found and answer.outside is None
        assert answer.mask[:, place(number, film.shape[1])].sum() == answer.mask.sum()
        assert f"found in {number + 1}; {2 - number} not asked, as not in scope" in answer.doubts[-1]
    foreign = session.segment("polyp")
    assert foreign.state == "not in scope" and foreign.outside.reason == "world" and not foreign.mask.any()
    assert session.segment("polyp", anyway=True).anyway
    assert session.segment("no opacity").state == "negated"
    described = describe(session.segment("breast tumour"))
    assert described["size"] == list(session.shape) and described["box"][1] >= film.shape[1] + GAP


def test_what_is_no_picture_of_any_kind_is_not_asked(model, film):
    page = Image.new("L", film.shape[::-1], 255)
    for line in range(26):
        ImageDraw.Draw(page).text((15, 4 + 12 * line), "Findings: whatever is seen is written below", fill=0)
    answer = model.set_image(beside(film, load_image(page))).segment("opacity in the right lung")
    assert answer.found and answer.mask[:, place(0, film.shape[1])].sum() == answer.mask.sum()
    assert any("found in 1; 2" in doubt and "not asked" in doubt for doubt in answer.doubts)


def test_however_it_is_asked(model, film, tmp_path):
    both, asked = beside(film, film), "opacity in the right lung"
    wanted = model.set_image(both).segment(asked).mask
    path = tmp_path / "both.png"
    Image.fromarray((255 * both).round().astype(np.uint8)).save(path)
    (of_scan,) = ask(model, open_scan(path), [asked])
    ((of_batch,),) = model.answer_batch([both], [[asked]])
    (of_report,) = model.set_image(both).segment_report("Opacity in the right lung.")
    assert of_scan.found and CUT in of_scan.doubts
    for mask in (
        of_batch.probability >= model.threshold,
        of_report.result.mask,
        model.segment(both, asked).mask,
        segment_tiled(model, both, asked, Tiles(400), Options()).mask,
    ):
        assert (mask == wanted).all()
    tiled = segment_tiled(model, both, asked, Tiles(256), Options())
    assert CUT in tiled.doubts and tiled.probability.shape == both.shape


def test_among_others_it_is_cut_alike(model, film):
    both = beside(film, film)
    sessions = model.set_images((image, None) for image in (film, both, both[:, : film.shape[1]]))
    assert [len(session.panels) for session in sessions] == [0, 2, 0]
    assert [session.shape for session in sessions] == [film.shape, both.shape, film.shape]


def test_a_part_of_an_image_whose_sides_are_known_and_a_model_of_no_scope_cut_nothing(model, film):
    both = beside(film, film)
    (headed,) = model.sessions([(both, None, Sides("right", headed=True))])
    (alone,) = model.sessions([(both, None, Sides())], alone=True)
    assert not headed.panels and not alone.panels and SEVERAL not in (*headed.doubts, *alone.doubts)


def test_what_lies_nearer_as_a_whole_stays_one():
    """Known's distances are alike: no picture is nearer than the whole."""
    network = Unsure()
    for scope in (Known(), None):
        model = Segmenter(network, size=(32, 64), scope=scope, presence={"scale": 1.0, "bias": 0.0, "threshold": 0.5})
        noise = np.random.default_rng(0).random((90, 160), np.float32) / 4
        session = model.set_image(beside(picture() / 2 + noise, noise))
        assert not session.panels and SEVERAL in session.doubts


def test_where_it_was_found_is_told_in_few_words():
    assert told_of(["found", "found"])[0].endswith("found in 1 and 2")
    assert told_of(["found", "not in scope", "found", "not found"])[0].endswith(
        "of the 4 pictures, counted line by line from the upper left: found in 1 and 3; 2 not asked, as not in scope"
    )
    assert told_of(["not found", "not found"]) == told_of(["not in scope", "not in scope"]) == ()
    assert outside_of([None, None]) is None
