"""The folder of a page without a server, made of a small model and of packages that only look like such."""

import json
import re
import zipfile

import pytest

from lexseg.cli.main import main
from lexseg.errors import ConfigError
from lexseg.export.web import POLICY, export_web
from lexseg.export.web_runtime import _FILES, WEB, wanted, web_runtime


@pytest.fixture
def modules(tmp_path):
    """A node_modules of files with the right names."""
    folder = tmp_path / "node_modules"
    for package, version in wanted().items():
        for name in _FILES[package]:
            (folder / package / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / package / name).write_text(f"// {package}\n")
        about = {"name": package, "version": version, "license": "MIT", "repository": {"url": "https://example.org"}}
        (folder / package / "package.json").write_text(json.dumps(about))
    (folder / "dicom-parser" / "LICENSE").write_text("MIT, in full\n")
    return folder


def test_the_folder_holds_all_that_the_page_loads(model_folder, modules, tmp_path, capsys):
    output = tmp_path / "page"
    asked = ["export", str(model_folder), "--web", "--web-runtime", str(modules), "--output", str(output)]
    assert main(asked) == 0
    assert "python -m http.server" in capsys.readouterr().out
    page = (output / "index.html").read_text()
    assert POLICY in page and page.index(POLICY) < page.index("<script")
    assert "http" not in POLICY and "unsafe-inline" not in POLICY and "'unsafe-eval'" not in POLICY
    scripts = [path for path in output.glob("*.js")]
    loaded = re.findall(r'(?:src|href)="([^"#:]+)"', page)
    for script in scripts:
        loaded += re.findall(r'(?:from|import|import\()\s*"\./([^"]+)"', script.read_text())
        # a name space is no address that is asked, and the other is what to type
        assert not re.search(r"https?://(?!127\.0\.0\.1|www\.w3\.org)", script.read_text()), script
    assert len(loaded) > 40
    assert [name for name in loaded if not (output / name).is_file()] == []
    rules = json.loads((output / "rules.json").read_text())
    assert rules["files"].keys() >= {"image_encoder.onnx", "text_encoder.onnx", "decoder.onnx", "tokenizer.json"}
    assert all((output / "model" / name).stat().st_size == size for name, size in rules["files"].items())
    assert str(tmp_path) not in json.dumps([rules, json.loads((output / "capabilities.json").read_text())])
    licences = (output / "runtime" / "LICENCES.md").read_text()
    assert all(f"**{package}** {version}" in licences for package, version in wanted().items())
    assert (output / "runtime" / "dicom-parser-LICENSE").read_text() == "MIT, in full\n"
    # what looks like a Python and is none compiles nothing: the sources stay, and the page says what that costs
    with zipfile.ZipFile(output / "rules.zip") as archive:
        assert "lexseg/export/in_browser.py" in archive.namelist()
    assert "compiled at every opening" in (output / "README.md").read_text()


def test_a_runtime_that_does_not_fit_is_refused_and_leaves_nothing(model_folder, modules, tmp_path):
    def refused(what):
        with pytest.raises(ConfigError, match=what):
            export_web(model_folder, tmp_path / "page", runtime=modules)
        assert not (tmp_path / "page").exists()

    script = modules / "dicom-parser/dist/dicomParser.min.js"
    script.unlink()
    refused("dicom-parser lacks dist/dicomParser.min.js")
    script.touch()
    about = modules / "pyodide/package.json"
    about.write_text(about.read_text().replace(wanted()["pyodide"], "0.1.0"))
    refused(r"pyodide 0\.1\.0, and .* was expected")
    about.write_text("nonsense")
    refused("holds no pyodide; expected a folder node_modules")
    with pytest.raises(ConfigError, match="holds no @cornerstonejs"):
        export_web(model_folder, tmp_path / "page", runtime=tmp_path / "nowhere")


def test_without_npm_both_ways_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"install it, or run `npm ci.*--web-runtime DIR"), web_runtime(None):
        pass


def test_an_npm_that_fails_is_told_in_its_own_words(monkeypatch, tmp_path):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network is down' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ConfigError, match=r"network is down.*--web-runtime DIR"), web_runtime(None):
        pass


def test_the_lock_names_every_package_by_its_hash():
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]
    assert lock[""]["dependencies"] == wanted()
    for package, version in wanted().items():
        assert lock[f"node_modules/{package}"]["version"] == version
    assert all("integrity" in each for name, each in lock.items() if name)


@pytest.mark.parametrize("more", [["--in-place", "--web"], ["--output", "out", "--web-runtime", "x"]])
def test_what_does_not_go_together(model_folder, more, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(model_folder), *more]) == 1
    assert "--web" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
