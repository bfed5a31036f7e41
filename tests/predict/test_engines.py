"""The bundled model answers alike, whatever runs it."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lexseg.errors import ConfigError, DataError, TextError
from lexseg.graphs.store import Weights, fits
from lexseg.models.config import bundled_models, read_config
from lexseg.predict.segmenter import Segmenter

EXAMPLES = sorted((Path(str(files("lexseg"))) / "assets" / "examples" / "images").glob("*.png"))
SENTENCES = ("opacity in the lower left lung", "breast mass in the upper right", "infection", None)
WITH_GRAPHS = [name for name, folder in bundled_models().items() if (folder / "graphs").is_dir()]


@pytest.fixture(scope="module", params=WITH_GRAPHS)
def pair(request):
    return [Segmenter.from_pretrained(request.param, engine=engine, device="cpu") for engine in ("torch", "onnx")]


def test_the_default_model_comes_with_graphs():
    assert "default" in WITH_GRAPHS


@pytest.mark.parametrize("name", WITH_GRAPHS)
def test_graphs_of_the_bundled_models_are_of_their_networks(name):
    """Where this fails, weights of another network or size were put in: `make graphs`."""
    folder = bundled_models()[name]
    assert fits(folder / "graphs", read_config(folder), Weights(folder / "model.safetensors"))


@pytest.mark.parametrize("path", EXAMPLES[::7], ids=lambda p: p.name)
def test_both_engines_answer_alike(pair, path):
    told = []
    for segmenter in pair:
        session = segmenter.set_image(path)
        answers = segmenter.answers(session.features, [(0, text) for text in SENTENCES], tta=False)
        told.append([(logits, presence) for _, logits, presence in answers])
        told[-1].append((session.known.world, session.known.distance))
    for (one, sure), (other, too) in zip(told[0][:-1], told[1][:-1], strict=True):
        assert np.abs(one - other).max() < 2e-3
        assert abs(sure - too) < 1e-4
    assert told[0][-1][0] == told[1][-1][0]
    assert told[0][-1][1] == pytest.approx(told[1][-1][1], rel=1e-3)


@pytest.mark.parametrize("text", ["no infection on the left", "breast mass", "a hippopotamus"])
def test_what_is_decided_before_the_network_is_decided_alike(pair, text):
    one, other = (segmenter.set_image(EXAMPLES[0]).segment(text) for segmenter in pair)
    assert (one.state, one.doubts, one.outside) == (other.state, other.doubts, other.outside)


def test_a_sentence_that_is_heard_beside_the_image_is_heard_alike(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    segmenter = Segmenter.from_pretrained("default", engine="onnx")
    text = "opacitiy in the left lung, no effusion"
    beside = segmenter.segment(EXAMPLES[0], text, laterality="patient")
    after = segmenter.set_image(EXAMPLES[0]).segment(text, laterality="patient")
    assert np.array_equal(beside.probability, after.probability)
    assert (beside.presence, beside.state, beside.doubts) == (after.presence, after.state, after.doubts)
    with pytest.raises(DataError):
        segmenter.segment(EXAMPLES[0].with_name("none.png"), " ")
    with pytest.raises(TextError):
        segmenter.segment(EXAMPLES[0], " ")


def test_mirrored_views_are_averaged_alike(pair):
    one, other = (segmenter.set_image(EXAMPLES[0], tta=True).segment("breast mass on the left") for segmenter in pair)
    assert np.abs(one.probability - other.probability).max() < 1e-3


def test_many_images_at_once_answer_as_each_alone(pair):
    _, segmenter = pair
    together = segmenter.answer_batch(EXAMPLES[:3], [["breast mass"], ["breast mass", None], []])
    alone = [segmenter.answer_batch([path], [["breast mass"]])[0][0] for path in EXAMPLES[:2]]
    for (first, *_), wanted in zip(together[:2], alone, strict=True):
        assert np.abs(first.probability - wanted.probability).max() < 1e-4


def test_torch_is_not_needed(tmp_path):
    import subprocess

    code = (
        "import sys; sys.modules['torch'] = None; from lexseg.cli.main import main; "
        f"sys.exit(main(['segment', {str(EXAMPLES[0])!r}, '--text', 'breast mass', '--output', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.iterdir())) == 3


def test_what_only_torch_runs_says_so_where_it_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match="default: torch would have to run it, and is not installed"):
        Segmenter.from_pretrained("default", engine="torch")


def test_onnx_runtime_tells_nobody_of_its_use(tmp_path):
    """Its telemetry leaves a session's file in the temporary folder as soon as it is imported."""
    code = (
        "from lexseg import Segmenter; import numpy as np;"
        "s = Segmenter.from_pretrained('default', engine='onnx');"
        "s.segment(np.zeros((64, 64), np.float32), 'opacity on the left')"
    )
    env = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    assert not list(tmp_path.iterdir())
