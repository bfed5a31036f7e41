"""Corrections through the API: what comes of them is what comes of them in Python, and nothing is lost."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.interaction import CorrectionSession
from lexseg.interaction.operations import Point, Stroke
from lexseg.interaction.record import read_record, replay
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from serving import FILM

RIGHT = "unilateral pulmonary infection, one infected area, middle right lung."
SAID = ["a bit more generous", "2 px larger on the left", "undo", "smooth it"]


@pytest.fixture
def asked(server):
    return server.ask(server.open(FILM), RIGHT)[0]


def correct(server, result, **values):
    return server.post(f"/v1/results/{result['id']}/corrections", **values)


def mask_of(server, answer):
    picture = Image.open(io.BytesIO(server.get(answer["result"]["links"]["mask"]).body))
    return np.asarray(picture) > 0


def test_the_masks_are_those_of_python(server, bundled):
    result = server.ask(server.open(FILM), RIGHT)[0]
    own = CorrectionSession.start(bundled.set_image(FILM), RIGHT)
    for said in SAID:
        answer = correct(server, result, sentence=RIGHT, say=said).json
        reply = own.correct(said)
        assert answer["done"] and answer["echo"] == reply.echo
        assert np.array_equal(mask_of(server, answer), own.mask)
        assert answer["result"]["area"]["px"] == own.state.area
    assert answer["history"] == own.history and len(answer["history"]) == 2 and answer["before"]
    for values, operation in (
        ({"stroke": {"points": [[40, 60], [50, 90]], "radius": 6}}, Stroke(((40.0, 60.0), (50.0, 90.0)), 6.0, True)),
        ({"point": {"row": 300, "column": 390, "wanted": False}}, Point(300, 390, False)),
    ):
        answer = correct(server, result, **values).json
        assert answer["done"] == own.do([operation]).done and np.array_equal(mask_of(server, answer), own.mask)
    record = server.get(f"/v1/results/{result['id']}/corrections").json
    assert [entry["said"] for entry in record["entries"]] == [*SAID, "", ""] and record["sentence"] == RIGHT


def test_an_accepted_mask_can_be_had_as_a_case_for_training(server, asked, tmp_path):
    path = f"/v1/results/{asked['id']}/corrections/case"
    assert server.get(path).status == 404
    correct(server, asked, sentence=RIGHT, say="2 px larger")
    assert (server.get(path).status, server.get(path).code) == (409, "not_accepted")
    answer = correct(server, asked, step="accept").json
    assert answer["accepted"]
    content = server.get(path).body
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
        entries = archive.infolist()
    # of the time nothing, so that what is fetched again is the same file; and whoever unpacks it can read it
    assert {(entry.date_time[0], entry.external_attr >> 16) for entry in entries} == {(1980, 0o644)}
    (case,) = read_manifest(tmp_path / "cases.csv")
    assert case.text == RIGHT and np.array_equal(read_mask(case.mask), mask_of(server, answer))
    assert np.array_equal(read_image(case.image), read_image(FILM))
    correct(server, asked, say="smaller")
    assert server.get(path).status == 409


def test_what_was_said_can_be_played_again(server, asked, bundled, tmp_path):
    for said in SAID:
        answer = correct(server, asked, sentence=RIGHT, say=said).json
    saved = tmp_path / "said.json"
    saved.write_bytes(server.get(f"/v1/results/{asked['id']}/corrections").body)
    session = replay(read_record(saved), bundled.set_image(FILM))
    assert np.array_equal(session.mask, mask_of(server, answer)) and session.history == answer["history"]


def test_back_to_the_first_gives_the_models_own_answer(server, asked):
    correct(server, asked, sentence=RIGHT, say="stricter")
    answer = correct(server, asked, step="reset").json
    assert answer["done"] and answer["undone"] == 1 and answer["history"] == []
    assert answer["result"]["area"] == asked["area"] and answer["result"]["presence"] == asked["presence"]
    assert correct(server, asked, step="redo").json["done"]


def test_what_is_not_understood_changes_nothing(server, asked):
    first = correct(server, asked, sentence=RIGHT, say="bigger").json
    answer = correct(server, asked, say="frobnicate it").json
    assert not answer["done"] and answer["unknown"] == ["frobnicate"] and "frobnicate" in answer["echo"]
    assert answer["result"]["id"] == first["result"]["id"]


def test_of_a_corrected_mask_the_network_says_no_presence(server, asked):
    answer = correct(server, asked, sentence=RIGHT, say="3 px smaller").json
    assert answer["result"]["presence"] is None and "corrected" in answer["result"]["warnings"][-1]
    assert server.get(answer["result"]["links"]["nifti"]).status == 200


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"say": "bigger"}, 422, "no_sentence"),
        ({"say": "bigger", "sentence": "infection in the left lung"}, 409, "another_sentence"),
        ({"say": "bigger", "step": "undo", "sentence": RIGHT}, 422, "invalid"),
        ({"sentence": RIGHT}, 422, "invalid"),
        ({"sentence": RIGHT, "stroke": {"points": [], "radius": 1}}, 422, "invalid"),
        ({"sentence": RIGHT, "stroke": {"points": [[1, 2]], "radius": -1}}, 422, "invalid"),
        ({"sentence": RIGHT, "step": "explode"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_is_refused(server, values, status, code):
    result = server.ask(server.open(FILM), RIGHT)[0]
    answer = correct(server, result, **values)
    assert (answer.status, answer.code) == (status, code)


def test_a_result_that_is_not_there(server):
    answer = server.post("/v1/results/nothing/corrections", sentence=RIGHT, say="bigger")
    assert (answer.status, answer.code) == (404, "no_such_result")


def test_outside_the_picture_is_told(server, asked):
    answer = correct(server, asked, sentence=RIGHT, point={"row": 5000, "column": 1}).json
    assert not answer["done"] and "outside the picture" in answer["echo"]
