import sys
import types

import pytest

from lexseg.errors import ModelError
from lexseg.models import config
from lexseg.models.config import find_model


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    folder = tmp_path / "package" / "default"
    monkeypatch.setattr(config, "bundled_models", lambda: {"default": folder})
    return folder


def test_a_bundled_name_goes_before_a_folder_of_that_name(bundled, tmp_path, monkeypatch):
    (tmp_path / "default").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_model("default") == bundled
    assert find_model("./default").resolve() == tmp_path / "default"


def test_a_run_s_folder_means_its_model(tmp_path):
    (tmp_path / "run" / "model").mkdir(parents=True)
    assert find_model(tmp_path / "run") == tmp_path / "run"  # nothing in it yet: loading will say what is missing
    (tmp_path / "run" / "model" / "config.json").write_text("{}")
    assert find_model(tmp_path / "run") == tmp_path / "run" / "model"
    (tmp_path / "run" / "config.json").write_text("{}")
    assert find_model(str(tmp_path / "run")) == tmp_path / "run"


@pytest.mark.parametrize("name", ["nowhere", "/no/such/folder", "../up", "a/b/c", "a b/c", ""])
def test_what_is_nowhere_is_refused_without_asking_the_hub(bundled, name, monkeypatch):
    monkeypatch.setattr(config, "_from_hub", lambda name: pytest.fail("asked the hub"))
    monkeypatch.chdir(bundled.parents[1])
    with pytest.raises(ModelError, match=r"no such model.*default"):
        find_model(name)


@pytest.mark.parametrize("no_name", [None, b"default", 7])
def test_what_is_no_name_of_a_model_is_the_caller_s_mistake(no_name):
    with pytest.raises(ModelError, match=f"named by text or a path, and this is {type(no_name).__name__}"):
        find_model(no_name)


def test_a_hub_id_is_fetched_without_code_or_pickle(tmp_path, monkeypatch):
    asked = {}

    def snapshot_download(name, *, allow_patterns):
        asked[name] = allow_patterns
        return str(tmp_path)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    assert find_model("someone/lexseg-polyps") == tmp_path
    assert set(asked["someone/lexseg-polyps"]) == {"*.safetensors", "*.json", "*.md"}


def test_a_hub_that_cannot_be_reached_is_a_message(monkeypatch):
    def snapshot_download(name, *, allow_patterns):
        raise ConnectionError("no route\nand more")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    with pytest.raises(ModelError, match=r"someone/gone.*no route$"):
        find_model("someone/gone")
