"""Methods, image encoders and layouts from outside: the page's own file is trained, saved, loaded and asked."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import lexseg
from lexseg import extensions
from lexseg.cli.main import main
from lexseg.errors import ConfigError, ModelError
from lexseg.models import create_model, model_class

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "your-own-method.md"
EXAMPLES = Path(lexseg.__file__).parent / "assets" / "examples"
OTHERS = """
from pathlib import Path
from lexseg.datasets.importers.record import Findings, Record
from lexseg.encoders.image.efficientnet_lite import EfficientNetLite0
from lexseg.extensions import image_encoder, layout

@image_encoder("my-trunk")
class MyTrunk(EfficientNetLite0):
    pass

@layout("my-archive")
def read(source: Path) -> Findings:
    findings = Findings()
    for path in sorted(source.glob("*_photo.png")):
        mask = path.with_name(path.name.replace("photo", "truth"))
        findings.records.append(Record(path.stem, path, mask, "a mass"))
    return findings
"""


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    for group in extensions._registered:
        monkeypatch.setitem(extensions._registered, group, {})
    monkeypatch.setattr(extensions, "_imported", {})
    monkeypatch.delenv(extensions.VARIABLE, raising=False)


@pytest.fixture
def page(tmp_path):
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "my_method.py").write_text(next(text for kind, text in blocks if kind == "python"), encoding="utf-8")
    (tmp_path / "gated.yaml").write_text(next(text for kind, text in blocks if kind == "yaml"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def cases(tmp_path):
    with (EXAMPLES / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mask"]][:4]
    for part in ("images", "masks"):
        shutil.copytree(EXAMPLES / part, tmp_path / part)
    with (tmp_path / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["id", "image", "mask", "split", "text"])
        writer.writeheader()
        for i, row in enumerate(rows):
            writer.writerow({k: row[k] for k in ("id", "image", "mask", "text")} | {"split": "val" if i else "train"})
    return tmp_path / "cases.csv"


def command(*arguments, **environment):
    """In a process of its own, as a user would: nothing is imported there yet."""
    env = {k: v for k, v in os.environ.items() if k != extensions.VARIABLE} | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(
        [sys.executable, "-m", "lexseg", *map(str, arguments)], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_pages_method_is_trained_saved_and_asked(page, cases):
    own = page / "my_method.py"
    short = ("--data.size", "64", "--trainer.steps", "2", "--trainer.epochs", "1", "--data.batch_size", "2")
    recipe = ("--config", page / "gated.yaml", "--data.cases", cases, *short)
    run = command("train", "--import", own, *recipe, "--output", page / "run")
    assert run.returncode == 0, run.stderr
    config = json.loads((page / "run/model/config.json").read_text())
    assert config["method"] == "gated" and config["arguments"]["width"] == 64
    film = next((page / "images").glob("breast*.png"))
    asked = ("segment", film, "--text", "irregular mass", "--model", page / "run/model", "--output", page / "out")
    said = command(*asked, f"--import={own}")
    assert said.returncode == 0, said.stderr
    assert list((page / "out").glob("*.json"))
    unknown = command(*asked[:-1], page / "other")
    assert unknown.returncode == 1 and "unknown method 'gated'" in unknown.stderr and "--import FILE" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    by_variable = command("models", LEXSEG_IMPORT=str(own))
    assert "gated" in by_variable.stdout and "weighs the channels" in by_variable.stdout


def test_a_method_has_its_own_arguments_and_no_others(page):
    extensions.use([str(page / "my_method.py")])
    assert model_class("gated").__name__ == "Gated"
    with pytest.raises(ModelError, match=r"gated: model.depth: there is no such setting; there are encoder, width"):
        create_model("gated", depth=3)
    with pytest.raises(ModelError, match=r"choose one of clipseg, .*gated"):
        model_class("gates")


def test_an_encoder_and_a_layout(tmp_path):
    (tmp_path / "others.py").write_text(OTHERS)
    source = tmp_path / "archive"
    source.mkdir()
    for i, image in enumerate(sorted((EXAMPLES / "masks").glob("breast*.png"))[:6]):
        shutil.copy(EXAMPLES / "images" / image.name, source / f"{i}_photo.png")
        shutil.copy(image, source / f"{i}_truth.png")
    imported = ["import", "my-archive", str(source), "--output", str(tmp_path / "set")]
    assert main([*imported, "--import", str(tmp_path / "others.py")]) == 0
    with (tmp_path / "set/cases.csv").open(newline="", encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["a mass"] * 6
    model = create_model("unet", encoder="my-trunk", encoder_args={"pretrained": False})
    assert type(model.encoder).__name__ == "MyTrunk"
    with pytest.raises(ModelError, match=r"there are: .*my-trunk"):
        create_model("unet", encoder="no-trunk")


def test_a_package_names_its_own_by_entry_points(page, monkeypatch):
    monkeypatch.syspath_prepend(str(page))
    points = [
        EntryPoint("gated", "my_method:Gated", "lexseg.methods"),
        EntryPoint("broken", "no_such_module:Thing", "lexseg.methods"),
    ]
    monkeypatch.setattr(extensions, "_points", lambda group: [p for p in points if p.group == f"lexseg.{group}"])
    assert model_class("gated").__module__ == "my_method"
    with pytest.raises(ConfigError, match=r"broken, of the package .* cannot be imported: No module named"):
        model_class("broken")
    from lexseg.models.catalogue import catalogue

    told = {each["name"]: each["summary"] for each in catalogue()["methods"]}
    assert told["broken"] == "from outside: no_such_module:Thing" and "tmca" in told
    sys.modules.pop("my_method", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1\nraise RuntimeError('why')\n", "line 2: RuntimeError: why"),
        ("def broken(:\n", "line 1: SyntaxError"),
        ("import no_such_library\n", "line 1: ModuleNotFoundError"),
        (
            "import lexseg.extensions as e\n@e.method\nclass A:\n    name = 'tmca'\n",
            "'tmca' is one of LexSeg's own",
        ),
    ],
)
def test_a_file_that_fails_is_told_with_its_line(tmp_path, capsys, content, message):
    (tmp_path / "mine.py").write_text(content)
    assert main(["models", "--import", str(tmp_path / "mine.py")]) == 1
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told
    assert not extensions._imported and not extensions._registered["methods"]


def test_what_is_no_file_is_refused(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("")
    for given in ([str(tmp_path / "none.py")], [str(tmp_path / "notes.txt")], []):
        assert main(["models", "--import", *given]) == 1
        assert "a Python file" in capsys.readouterr().err


def test_two_files_of_one_name_are_refused(page, tmp_path):
    shutil.copy(page / "my_method.py", tmp_path / "again.py")
    with pytest.raises(ConfigError, match="two files register 'gated'"):
        extensions.use([str(page / "my_method.py"), str(tmp_path / "again.py")])


def test_what_follows_two_dashes_is_no_option():
    from lexseg.cli.main import _imports

    assert _imports(["segment", "a.png", "--", "--import"]) == (["segment", "a.png", "--", "--import"], [])
    assert _imports(["--import", "a.py", "models", "--import=b.py"]) == (["models"], ["a.py", "b.py"])
