"""Sessions as files: played again, audited, never half believed; and as cases for training."""

import json

import numpy as np
import pytest

import fakes
from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth
from lexseg.errors import ConfigError, DataError
from lexseg.interaction import CorrectionSession
from lexseg.interaction.accepted import add_to_manifest
from lexseg.interaction.operations import Stroke
from lexseg.interaction.record import read_record, record_of, replay, write_record
from lexseg.outputs.overlay import mask_png

SAID = ["bigger", "flibber it", "stricter on the left", "undo", "smooth it", "no, the other lung", "undo", "accept"]


@pytest.fixture
def image(sides):
    return sides.set_image(fakes.picture())


@pytest.fixture
def session(image):
    session = CorrectionSession.start(image, "bright left lung")
    for said in SAID:
        session.correct(said)
    session.do([Stroke(((5.0, 100.0),), 4.0, True)])
    session.correct("accept")
    return session


@pytest.fixture
def file(session, tmp_path):
    write_record(tmp_path / "session.json", session, image_sha256="abc")
    return tmp_path / "session.json"


def test_played_again_it_gives_the_same(session, file, image):
    again = replay(read_record(file), image)
    assert np.array_equal(again.state.evidence, session.state.evidence)
    assert again.accepted and again.at == session.at
    assert record_of(again, image_sha256="abc") == record_of(session, image_sha256="abc")


def test_it_holds_all_that_was_said_also_what_was_undone_or_not_understood(file):
    values = json.loads(file.read_text())
    assert [entry["said"] for entry in values["entries"]] == [*SAID, "", "accept"]
    assert values["entries"][1]["done"] is None and "flibber" in values["entries"][1]["echo"]


def spoil_said(values):
    values["entries"][2]["said"] = "stricter on the right"


def spoil_operation(values):
    values["entries"][0]["done"][0]["grow"] = False


def spoil_order(values):
    values["entries"][2:4] = values["entries"][3:1:-1]


def spoil_missing(values):
    del values["entries"][1]


def spoil_end(values):
    del values["entries"][-1]


def spoil_head(values):
    values["sentence"] = "something else"


def spoil_accepted(values):
    values["accepted"] = False


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(spoil_said, "entry 3"), (spoil_operation, "entry 1"), (spoil_order, "entry 3"), (spoil_missing, "entry 2"),
     (spoil_end, "missing at the end"), (spoil_head, "entry 1"), (spoil_accepted, "end")],
)  # fmt: skip
def test_what_was_changed_is_told_and_nothing_is_played(file, spoil, told):
    values = json.loads(file.read_text())
    spoil(values)
    file.write_text(json.dumps(values))
    with pytest.raises(DataError, match=told):
        read_record(file)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"lexseg_corrections": 1}', "[" * 100_000])
def test_what_is_no_record_is_told(tmp_path, content):
    path = tmp_path / "session.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"session\.json"):
        read_record(path)


def test_another_image_is_told(file, sides):
    other = fakes.picture()
    other[10:20, 20:30] = 1
    with pytest.raises(DataError, match="first mask"):
        replay(read_record(file), sides.set_image(other))


def test_an_accepted_mask_becomes_a_case(session, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "set").mkdir()
    film = tmp_path / "elsewhere" / "film.png"
    film.write_bytes(mask_png(fakes.picture() > 0.5))
    manifest = tmp_path / "set" / "cases.csv"
    add_to_manifest(session, film, manifest)
    add_to_manifest(session, film, manifest)
    first, second = read_manifest(manifest)
    assert (first.id, second.id) == ("film", "film_2") and first.text == "bright left lung"
    assert np.array_equal(read_truth(first), session.mask) and first.laterality == "image"
    assert first.image.read_bytes() == film.read_bytes() and first.extra["corrected_from"] == "sides"


def test_what_was_not_accepted_becomes_none(session, tmp_path):
    session.correct("bigger")
    with pytest.raises(ConfigError, match="accept"):
        add_to_manifest(session, tmp_path / "film.png", tmp_path / "cases.csv")
    assert not (tmp_path / "cases.csv").exists()
