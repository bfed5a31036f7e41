import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphed
from lexseg.errors import ConfigError, ModelError
from lexseg.files import replace_file
from lexseg.graphs.make import make_graphs
from lexseg.graphs.store import ABOUT, DECODER, GRAPHS, IMAGE_ENCODER, open_graphs
from lexseg.models.config import read_config, sha256_of
from lexseg.predict.engines import OnnxEngine, cached, open_engine

ROWS, TEXTS = [0, 2, 1, 0, 2], ["left lung", None, "opacity .", "opacity in the right lung, left", ""]


def onnx(graphs, folder):
    return OnnxEngine.of(graphs, folder, read_config(folder))


def torch_engine(folder):
    return open_engine(folder, read_config(folder), engine="torch", device="cpu")[0]


def answers(engine, images, rows=ROWS, texts=TEXTS):
    return engine.answer(engine.look(images), rows, texts)


def test_the_answers_are_torchs(graphs, model_folder, images):
    one, other = (answers(engine, images) for engine in (torch_engine(model_folder), onnx(graphs, model_folder)))
    for wanted, given in zip(one, other, strict=True):
        assert np.abs(wanted - given).max() < 1e-4
        assert np.ptp(wanted) > 1e-2  # that they are equal says something


def test_an_answer_does_not_depend_on_its_company(graphs, model_folder, images):
    engine = onnx(graphs, model_folder)
    together = answers(engine, images)
    for i, (row, text) in enumerate(zip(ROWS, TEXTS, strict=True)):
        alone = answers(engine, images[row : row + 1], [0], [text])
        assert np.abs(together[0][i] - alone[0][0]).max() < 1e-5
        assert abs(together[1][i] - alone[1][0]) < 1e-5


def test_threads_share_the_sentences_and_answer_alike(graphs, model_folder, images, monkeypatch):
    told = []
    for count in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        told.append(answers(onnx(graphs, model_folder), images))
    for one, other in zip(*told, strict=True):
        assert np.abs(one - other).max() < 1e-5


def test_graphs_hold_no_weights(graphs, model_folder):
    assert sum((graphs / name).stat().st_size for name in GRAPHS) < 150_000
    about = json.loads((graphs / ABOUT).read_text())
    assert sum(map(len, about["outside"].values())) > 20


def test_graphs_answer_with_the_weights_that_they_are_given(graphs, registered, tmp_path, images):
    other = graphed.save(tmp_path / "other", seed=1)
    wanted, given = answers(torch_engine(other), images), answers(onnx(graphs, other), images)
    assert np.abs(wanted[0] - given[0]).max() < 1e-4


@pytest.mark.parametrize("name", [IMAGE_ENCODER, DECODER, "tokenizer.json"])
def test_a_changed_file_is_refused_by_name(graphs, model_folder, tmp_path, name):
    copy = shutil.copytree(graphs, tmp_path / "graphs")
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name}.*was changed"):
        open_graphs(copy, model_folder, read_config(model_folder))


def test_a_missing_file_is_refused_by_name(graphs, model_folder, tmp_path):
    copy = shutil.copytree(graphs, tmp_path / "graphs")
    (copy / DECODER).unlink()
    with pytest.raises(ModelError, match=f"{DECODER}.*missing"):
        open_graphs(copy, model_folder, read_config(model_folder))


def test_graphs_of_another_network_are_refused(graphs, registered, tmp_path):
    other = graphed.save(tmp_path / "other", size=(64, 64))
    with pytest.raises(ModelError, match="of another network"):
        open_graphs(graphs, other, read_config(other))


def test_graphs_of_a_later_opset_are_refused(graphs, model_folder, tmp_path):
    import onnx

    copy = shutil.copytree(graphs, tmp_path / "graphs")
    graph = onnx.load(copy / DECODER, load_external_data=False)
    graph.opset_import[0].version = 999
    (copy / DECODER).write_bytes(graph.SerializeToString())
    about = json.loads((copy / ABOUT).read_text())
    about["files"][DECODER] = sha256_of(copy / DECODER)
    replace_file(copy / ABOUT, json.dumps(about | {"opset": 999}).encode())
    with pytest.raises(ModelError, match=f"{DECODER}.*opset 999"):
        open_graphs(copy, model_folder, read_config(model_folder))


def test_a_full_disk_leaves_no_half_graphs(model_folder, tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(self, content):
        if self.name == DECODER:
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        make_graphs(model_folder, tmp_path / "cache" / "graphs")
    assert not list((tmp_path / "cache").iterdir())


def test_auto_takes_graphs_of_the_cache_and_onnx_makes_them(model_folder, graphs, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEXSEG_CACHE", str(tmp_path))
    config = read_config(model_folder)
    assert open_engine(model_folder, config)[0].kind == "torch"
    made = []
    monkeypatch.setattr(
        "lexseg.graphs.make.make_graphs", lambda folder, target: made.append(shutil.copytree(graphs, target))
    )
    for engine in ("onnx", "onnx", "auto"):
        assert open_engine(model_folder, config, engine=engine)[0].kind == "onnx"
    assert made == [cached(config)]
    assert str(cached(config)) in capsys.readouterr().err


def test_auto_takes_graphs_of_the_models_own_folder(model_folder, graphs, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    shutil.copytree(graphs, folder / "graphs")
    assert open_engine(folder, read_config(folder))[0].kind == "onnx"


def test_without_the_runtime_torch_answers_and_a_line_says_so(model_folder, monkeypatch):
    monkeypatch.setattr("lexseg.predict.engines.has_runtime", lambda: False)
    engine, notes = open_engine(model_folder, read_config(model_folder))
    assert engine.kind == "torch"
    assert "onnxruntime is not installed" in notes[0]
    with pytest.raises(ConfigError, match="onnxruntime is not installed"):
        open_engine(model_folder, read_config(model_folder), engine="onnx")


@pytest.mark.parametrize(
    ("engine", "device", "match"), [("jax", None, "no engine"), ("onnx", "cuda", "runs on the CPU")]
)
def test_what_cannot_be_is_said(model_folder, engine, device, match):
    with pytest.raises(ConfigError, match=match):
        open_engine(model_folder, read_config(model_folder), engine=engine, device=device)


def test_the_segmenter_is_imported_without_torch():
    code = "import sys, lexseg.predict.segmenter, lexseg.predict.engines; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
