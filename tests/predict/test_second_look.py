"""An image that is unknown for its frame or its tint alone is looked at without them; no other is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lexseg
from lexseg import Segmenter
from lexseg.predict.answered import AS_NEGATIVE, TURNED, WITHOUT_FRAME
from lexseg.predict.ask import ask
from lexseg.predict.images import load_image
from lexseg.predict.options import Options
from lexseg.predict.panels import CUT
from lexseg.predict.tiles import Tiles, segment_tiled
from lexseg.scans.open import open_scan

FILM = Path(lexseg.__file__).parent / "assets" / "examples" / "images" / "cxr_00003528.png"
ASKED = "opacity in the right lung"


@pytest.fixture(scope="module")
def film():
    return load_image(FILM)


@pytest.fixture(scope="module")
def model():
    return Segmenter.from_pretrained("default", device="cpu")


def bluish(film):
    return np.stack([film * share for share in (0.8, 0.9, 1)], -1).astype(np.float32)


def on_a_page(film):
    margins = ((90, 40), (60, 30), *[(0, 0)] * (film.ndim - 2))
    return np.pad(film, margins, constant_values=1.0)


def on_a_wide_screen(film):
    return np.pad(film, ((0, 0), (200, 200)))


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_a_known_image_is_looked_at_once(model, film):
    session = model.set_image(film)
    answer = session.segment(ASKED)
    assert session.inside is None and answer.found and WITHOUT_FRAME not in answer.doubts


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize(
    ("spoil", "mended"),
    [
        (bluish, lambda mask: mask),
        (lambda film: on_a_page(bluish(film)), lambda mask: mask[90:-40, 60:-30]),
        (on_a_wide_screen, lambda mask: mask[:, 200:-200]),
    ],
    ids=["tint", "frame and tint", "wide screen"],
)
def test_a_spoilt_film_is_answered_as_the_film_itself(model, film, spoil, mended, tta):
    bare = model.set_image(film, tta=tta).segment(ASKED)
    answer = model.set_image(spoil(film), tta=tta).segment(ASKED)
    assert answer.found and WITHOUT_FRAME in answer.doubts
    assert answer.probability.shape == spoil(film).shape[:2]
    assert dice(mended(answer.mask), bare.mask) > 0.9
    assert mended(answer.mask).sum() == answer.mask.sum()


@pytest.mark.parametrize("tta", [False, True])
def test_a_negative_is_answered_as_the_film_itself(model, film, tta):
    bare, session = model.set_image(film, tta=tta).segment(ASKED), model.set_image(1 - film, tta=tta)
    answer = session.segment(ASKED)
    assert session.doubts == (AS_NEGATIVE,) and AS_NEGATIVE in answer.doubts
    assert answer.presence == pytest.approx(bare.presence, abs=1e-3) and dice(answer.mask, bare.mask) > 0.99


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_film_on_its_side_is_told_of(model, film, quarters):
    session = model.set_image(np.ascontiguousarray(np.rot90(film, quarters)))
    assert session.doubts == (TURNED,) and session.inside is None
    assert TURNED in session.segment(ASKED).doubts


def test_no_bundled_image_is_taken_for_a_negative_or_turned(model):
    for path in sorted(FILM.parent.glob("*.png")):
        assert model.set_image(path).doubts == (), path.name


def test_among_others_each_is_looked_at_by_itself(model, film):
    images = [film, bluish(film), 1 - film, on_a_wide_screen(film), np.zeros_like(film)]
    together = model.set_images((image, None) for image in images)
    alone = [model.set_image(image) for image in images]
    looked = [(each.inside, each.doubts) for each in alone]
    assert [(each.inside, each.doubts) for each in together] == looked
    assert [bool(doubts) for _, doubts in looked] == [False, True, True, True, False]
    for one, other in zip(together, alone, strict=True):
        first, second = one.segment(ASKED), other.segment(ASKED)
        assert (first.state, first.outside) == (second.state, second.outside)
        np.testing.assert_allclose(first.probability, second.probability, atol=1e-4)


def test_what_is_foreign_stays_so_in_a_frame(model):
    stripes = np.sin(np.arange(300) / 5)[None] * np.ones((300, 1)) / 2 + 0.5
    session = model.set_image(on_a_page(bluish(stripes.astype(np.float32))))
    answer = session.segment(ASKED)
    assert session.inside is None and answer.state == "not in scope" and WITHOUT_FRAME not in answer.doubts


def test_of_a_large_framed_film_tiles_are_asked(model, film):
    page = on_a_page(bluish(film))
    answer = segment_tiled(model, page, ASKED, Tiles(256), Options())
    assert answer.state in ("found", "not found") and answer.probability.shape == page.shape[:2]


def test_what_is_told_of_the_whole_image_is_told_of_its_tiles_too(model, film):
    both = np.concatenate([film, np.zeros((len(film), 8), np.float32), film], 1)
    for image, doubt in ((both, CUT), (np.ascontiguousarray(np.rot90(film)), TURNED)):
        assert doubt in segment_tiled(model, image, ASKED, Tiles(256), Options(anyway=True)).doubts


def test_frames_of_a_scan_tell_it(model, film, tmp_path):
    path = tmp_path / "page.png"
    Image.fromarray((255 * on_a_page(bluish(film))).astype(np.uint8)).save(path)
    (found,) = ask(model, open_scan(path), [ASKED])
    assert found.found and WITHOUT_FRAME in found.doubts
