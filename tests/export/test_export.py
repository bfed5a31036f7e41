import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnx_ir
import pytest
from PIL import Image

import graphed
from lexseg.cli.main import main
from lexseg.errors import ConfigError, DataError, ModelError
from lexseg.export.check import BOUNDS, Checked, check_export
from lexseg.export.folder import export_model
from lexseg.export.precision import whole
from lexseg.export.web import export_web
from lexseg.models.config import read_config
from lexseg.predict.ask import probability
from lexseg.predict.segmenter import Segmenter

TEXT = "opacity in the left lung."


@pytest.fixture(scope="module")
def exported(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "onnx"
    export_model(model_folder, folder)
    return folder


@pytest.fixture(scope="module")
def padded(registered, tmp_path_factory):
    """A model that keeps the shape of images, and what was exported of it."""
    folder = tmp_path_factory.mktemp("padded")
    export_model(graphed.save(folder / "model", fit="pad"), folder / "onnx")
    return folder / "model", folder / "onnx"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    for i, shape in enumerate([(64, 96), (150, 200), (40, 300, 3), (30, 31)]):
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{i}.png")
    return sorted(folder.glob("*.png"))


def test_it_answers_as_torch_does(model_folder, exported, pictures):
    asked = [(path, text) for path in pictures for text in (TEXT, None, "right")]
    found = check_export(model_folder, exported, asked, precision="fp32")
    assert not found.faults
    assert found.asked == 12
    assert found.presence is not None


def test_a_model_that_keeps_the_shape_of_images_answers_alike(padded, pictures, tmp_path):
    folder, out = padded
    assert not check_export(folder, out, [(path, TEXT) for path in pictures], precision="fp32").faults
    assert "black margins" in (out / "README.md").read_text()
    # and not as one that stretches them
    stretching = shutil.copytree(out, tmp_path / "stretching")
    config = json.loads((out / "config.json").read_text())
    (stretching / "config.json").write_text(json.dumps(config | {"fit": "stretch"}))
    wide = [(pictures[2], TEXT)]
    assert check_export(folder, stretching, wide, precision="fp32").faults


def test_a_page_of_a_model_that_keeps_the_shape_of_images_is_refused(padded, tmp_path):
    with pytest.raises(ModelError, match="can only stretch"):
        export_web(padded[0], tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_check_can_fail(model_folder, exported, pictures, tmp_path):
    other = shutil.copytree(exported, tmp_path / "other")
    calibration = {"scale": 3.0, "bias": 1.0, "threshold": 0.5}
    config = json.loads((other / "config.json").read_text()) | {"presence": calibration}
    (other / "config.json").write_text(json.dumps(config))
    assert "presence differs" in check_export(model_folder, other, [(pictures[0], TEXT)], precision="fp32").faults[0]
    with pytest.raises(DataError, match="nothing to check"):
        check_export(model_folder, exported, [], precision="fp32")


def test_what_folding_cannot_do_is_no_news_to_the_user(caplog):
    """PyTorch's attention splits its weights, of which folding says so once a layer."""
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0])
    nodes = [
        onnx.helper.make_node("Split", ["w"], ["a", "b"], num_outputs=2),
        onnx.helper.make_node("Add", ["a", "x"], ["y"]),
    ]
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in "xy")
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [x], [y], [weights]))
    whole(onnx_ir.from_proto(model))
    assert not caplog.records


def test_bounds_are_bounds():
    assert not Checked(1, 5, 1e-4, 1e-4, None, 1.0, "fp32").faults
    assert len(Checked(1, 5, 0.2, 0.2, 0.2, 0.5, "fp32").faults) == 3
    assert BOUNDS["fp32"].near < BOUNDS["fp16"].near < BOUNDS["int8"].near


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_smaller_weights_answer_nearly_alike(model_folder, exported, pictures, tmp_path, precision):
    export_model(model_folder, tmp_path / precision, precision=precision)
    asked = [(path, TEXT) for path in pictures]
    assert not check_export(model_folder, tmp_path / precision, asked, precision=precision).faults
    sizes = [sum(f.stat().st_size for f in folder.glob("*.onnx")) for folder in (tmp_path / precision, exported)]
    assert sizes[0] != sizes[1]


@pytest.mark.parametrize(("fit", "shape"), [("stretch", (150, 200)), ("pad", (150, 200)), ("pad", (40, 300))])
def test_the_example_needs_numpy_and_onnxruntime_alone_and_finds_the_same(
    model_folder, exported, padded, tmp_path, fit, shape
):
    if fit == "pad":
        model_folder, exported = padded
    image = np.random.default_rng(2).random(shape, dtype=np.float32)
    np.save(tmp_path / "image.npy", image)
    given, target = str(tmp_path / "image.npy"), str(tmp_path / "mask.npy")
    command = [sys.executable, str(exported / "example.py"), given, TEXT, target]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    said = run.stdout
    segmenter = Segmenter.from_pretrained(model_folder, engine="torch")
    ((_, logits, presence),) = segmenter.answers(segmenter.set_image(image).features, [(0, TEXT)], tta=False)
    wanted = probability(logits, image.shape)
    differ = np.load(target) != ((wanted >= 0.5) & (presence >= 0.5))
    assert not (differ & (np.abs(wanted - 0.5) > 1e-3)).any()
    assert float(said.split()[1].rstrip(",")) == pytest.approx(presence, abs=1e-3)
    lines = (exported / "example.py").read_text().splitlines()
    imports = " ".join(line for line in lines if line.startswith(("import", "from")))
    assert not any(name in imports for name in ("torch", "PIL", "tokenizers", "lexseg", "scipy"))


def test_lexseg_itself_runs_it(exported):
    segmenter = Segmenter.from_pretrained(exported)
    assert segmenter.engine.kind == "onnx"
    with pytest.raises(ConfigError, match="ONNX Runtime on the CPU"):
        Segmenter.from_pretrained(exported, engine="torch")
    with pytest.raises(ConfigError, match="engine='torch'"):
        _ = segmenter.model


def test_graphs_of_other_weights_are_refused(exported, tmp_path):
    other = shutil.copytree(exported, tmp_path / "other")
    config = json.loads((other / "config.json").read_text()) | {"weights_sha256": "0" * 64}
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="of other weights"):
        Segmenter.from_pretrained(other)


def test_what_is_exported_is_not_exported_again(exported, tmp_path):
    with pytest.raises(ModelError, match="exported model already"):
        export_model(exported, tmp_path / "again")


def test_the_card_says_how_it_is_used(exported, model_folder):
    page, config = (exported / "README.md").read_text(), read_config(model_folder)
    for told in ("not a medical device", config.weights_sha256[:12], "opset", "64 x 96", "256 at most"):
        assert told in page


def test_the_command_exports_and_checks(model_folder, pictures, tmp_path, capsys):
    table = tmp_path / "cases.csv"
    shutil.copyfile(pictures[0], tmp_path / "film.png")
    table.write_text("id,image,mask,text,present\na,film.png,,left lung,yes\n")
    arguments = ["export", str(model_folder), "--output", str(tmp_path / "out"), "--check", "--cases", str(table)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "checked 1 questions" in said
    assert main(arguments) == 1  # the folder is there already


def test_graphs_in_the_models_own_folder_are_taken(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    assert Segmenter.from_pretrained(folder).engine.kind == "torch"
    for _ in range(2):
        assert main(["export", str(folder), "--in-place"]) == 0
    assert Segmenter.from_pretrained(folder).engine.kind == "onnx"


def test_graphs_that_answer_otherwise_are_not_exported(model_folder, tmp_path, monkeypatch):
    from lexseg.errors import ModelError
    from lexseg.export import folder
    from lexseg.export.check import Checked

    far = Checked(2, 400, 0.4, 0.4, None, 0.5, "fp32")
    monkeypatch.setattr(folder, "check_export", lambda *_, **__: far)
    with pytest.raises(ModelError, match=r"nothing was exported \(masks differ 0.4 .*Dice of the masks is 0.5"):
        export_model(model_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
