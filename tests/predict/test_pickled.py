"""A segmenter that is given to another process: what is pickled is where it was loaded from."""

import pickle
import shutil

import numpy as np
import pytest

from lexseg.errors import ModelError
from lexseg.predict.segmenter import Segmenter


def spots():
    image = np.zeros((90, 160), np.float32)
    image[30:60, 20:50] = image[30:60, 110:140] = 1
    return image


def test_a_loaded_segmenter_comes_back_as_it_was_wherever_that_is(sides_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(sides_folder.parent)
    segmenter = Segmenter.from_pretrained(sides_folder.name, device="cpu", engine="torch")
    segmenter._presence["threshold"] = 0.25
    content = pickle.dumps(segmenter)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = pickle.loads(content)
    one, other = (each.segment(spots(), "bright left") for each in (segmenter, again))
    assert again.name == sides_folder.name and again.calibration == segmenter.calibration
    assert np.array_equal(one.probability, other.probability) and one.found
    assert len(content) < 2000  # no weights


def test_so_do_an_image_that_was_looked_at_and_an_answer(sides_folder):
    session = Segmenter.from_pretrained(sides_folder).set_image(spots())
    answer = session.segment("bright left")
    again = pickle.loads(pickle.dumps(session)).segment("bright left")
    assert np.array_equal(again.mask, answer.mask)
    assert np.array_equal(pickle.loads(pickle.dumps(answer)).mask, answer.mask)


def test_the_bundled_model_at_an_operating_point_is_known_by_its_name():
    segmenter = Segmenter.from_pretrained("default", operating_point="10")
    content = pickle.dumps(segmenter)
    assert b"default" in content and b"assets" not in content
    assert pickle.loads(content).presence_threshold == segmenter.presence_threshold


def test_of_a_network_in_memory_it_is_said_what_to_do(sides):
    with pytest.raises(ModelError, match=r"save the model as a folder.*from_pretrained"):
        pickle.dumps(sides)


def test_a_model_that_has_changed_meanwhile_is_not_taken_for_the_same(sides_folder, unsure_folder):
    content = pickle.dumps(Segmenter.from_pretrained(sides_folder))
    shutil.rmtree(sides_folder)
    shutil.copytree(unsure_folder, sides_folder)
    with pytest.raises(ModelError, match="another model by now"):
        pickle.loads(content)
