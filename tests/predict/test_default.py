"""The bundled model: small, documented, and it listens."""

import json
from pathlib import Path

import numpy as np
import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.language.sides import mirror_words
from lexseg.metrics.overlap import dice
from lexseg.models.config import find_model
from lexseg.outputs.demo import examples
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.from_pretrained("default", device="cpu")


def test_its_folder_is_whole_and_small() -> None:
    folder = find_model("default")
    assert sum(p.stat().st_size for p in folder.iterdir()) < 30e6
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Not a medical device" in card and "QaTa-COV19" in card and "CC BY 4.0" in card
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["val"]["qata"]["per_image"]["dice"]["ci95"][0] > 0.77


def test_it_looks_where_the_words_say(segmenter: Segmenter) -> None:
    films = {c.image for c in examples() if c.present == "yes"}
    assert len(films) == 2
    found = []
    for image in films:
        session = segmenter.set_image(image)
        for side in ("left", "right"):
            mask = session.segment(f"opacity in the {side} lung").mask
            columns = np.nonzero(mask)[1]
            found.append(columns.size > 0)
            if columns.size:
                assert (columns.mean() < mask.shape[1] / 2) == (side == "left")
    assert sum(found) >= 2


def test_it_leaves_a_healthy_film_and_foreign_words_alone(segmenter: Segmenter) -> None:
    absent = [c for c in examples() if c.present == "no"]
    assert len(absent) == 5
    answers = {c.id: segmenter.set_image(c.image).segment(c.text) for c in absent}
    painted = [name for name, answer in answers.items() if answer.found]
    assert len(painted) <= 1  # a whole caption, false of a healthy film, is what it still falls for
    assert all(answers[c.id].state == "not in scope" for c in absent if c.expression_kind == "foreign")


def test_it_finds_what_a_report_calls_pneumonia(segmenter: Segmenter) -> None:
    ill = [c for c in examples() if c.present == "yes"]
    assert any(segmenter.set_image(c.image).segment(c.text).found for c in ill)


def test_an_image_that_shows_nothing_is_not_in_scope(segmenter: Segmenter) -> None:
    noise = np.random.default_rng(0).random((200, 240)).astype(np.float32)
    for image in (np.zeros((200, 240), np.float32), noise):
        session = segmenter.set_image(image)
        answer = session.segment("pulmonary infection")
        assert (answer.state, answer.outside and answer.outside.reason) == ("not in scope", "image")
        assert not answer.mask.any()
        assert session.segment("pulmonary infection", anyway=True).anyway


def test_it_finds_tumours_it_was_not_trained_on(segmenter: Segmenter) -> None:
    scans = [c for c in examples() if c.mask is not None]
    scores = [dice(segmenter.set_image(c.image).segment(c.text).mask, read_mask(c.mask)) for c in scans if c.mask]
    assert len(scores) == 14
    assert np.mean(scores) > 0.72


def test_it_says_of_what_is_asked_whether_it_is_there(segmenter: Segmenter) -> None:
    film = next(c for c in examples() if c.mask is None)
    session = segmenter.set_image(film.image)
    assert session.segment("the left lesion in the right lung").state == "not found"
    assert session.segment("No infection.").state == "negated"
    answer = session.segment("infection in the right lung")
    assert answer.presence is not None and 0 < answer.presence < 1
    assert segmenter.presence_threshold is not None and 0.1 < segmenter.presence_threshold < 0.8


@pytest.mark.data
def test_on_real_films_the_words_matter(segmenter: Segmenter, data_root: Path) -> None:
    cases = [c for c in read_manifest(data_root / "qata_covid19" / "cases.csv") if c.split == "val"][::40]
    given, swapped, nothing = [], [], []
    for case in cases:
        assert case.mask is not None
        session, truth = segmenter.set_image(read_image(case.image)), read_mask(case.mask)
        given.append(dice(session.segment(case.text).mask, truth))
        nothing.append(dice(session.segment(None).mask, truth))
        if "unilateral" in case.text:
            swapped.append(dice(session.segment(mirror_words(case.text, "horizontal")).mask, truth))
    assert np.mean(given) > 0.75
    assert np.mean(nothing) < np.mean(given) - 0.03
    assert len(swapped) > 5 and np.mean(swapped) < 0.2
