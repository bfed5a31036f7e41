import errno
import json
import os
import subprocess
import sys

import pytest

import lexseg
from lexseg.cli import main as cli
from lexseg.cli.main import COMMANDS, main


def run(*arguments, code=None):
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "lexseg", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lexseg {lexseg.__version__}\n"


def test_help_names_every_command_there_is(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "not a medical device" in out
    for name in ("segment", "models", "demo"):
        assert f"    {name} " in out and COMMANDS[name][1].split()[0] in out


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["models"], ["models", "--json"], ["segment", "--help"]]
)
def test_what_needs_no_network_imports_no_torch(arguments):
    code = f"import sys; from lexseg.cli.main import main; main({arguments!r}); sys.exit('torch' in sys.modules)"
    assert run(code=code).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["segment"], ["models", "--nonsense"]])
def test_usage_errors(arguments, capsys):
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_broken_command_does_not_break_the_others(monkeypatch, capsys):
    monkeypatch.setitem(COMMANDS, "check", ("there_is_no_such_module", "nowhere"))
    assert main(["--help"]) == 0
    assert "nowhere" not in capsys.readouterr().out
    assert main(["check"]) == 2


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (lexseg.errors.DataError("film.png: what, and what to do"), 1, "error: film.png: what, and what to do"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "out/a.png"), 1, "the disk is full while writing out/a.png"),
        (
            OSError(errno.ENOSPC, "No space left", "mine/a.png", None, "out/a.png"),
            1,
            "while writing out/a.png",
        ),  # a copy
        (OSError(errno.EFBIG, "File too large", "out/a.png"), 1, "error: out/a.png: File too large"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/a.png"), 1, "no permission for /root/a.png"),
    ],
)
def test_errors_become_messages(monkeypatch, capsys, error, status, message):
    def fail(arguments):
        raise error

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert main(["models"]) == status
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment", "", "--output", "out"],
        ["segment", "film.png", "--output", ""],
        ["evaluate", "default", "cases.csv", "--output", ""],
        ["pacs", "segment", "--url", "http://127.0.0.1:9/x", "--study", "1.2", "--output", ""],
    ],
)
def test_an_empty_path_is_not_the_folder_that_one_is_in(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert "a path was expected, and it is empty" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    def fail(arguments):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(cli, "_dispatch", fail)
    with pytest.raises(OSError, match="Bad file"):
        main(["models"])


@pytest.mark.parametrize(
    "arguments", [["train", "--config", "unet-lite"], ["evaluate", "default", "cases.csv", "--output", "scores"]]
)
def test_without_torch_a_command_says_what_it_needs(arguments):
    code = f"import sys; sys.modules['torch'] = None; from lexseg.cli.main import main; sys.exit(main({arguments}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this needs torch, which is not installed: pip install lexseg")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m lexseg models --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == "" and done.returncode in (0, 141)


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["segment", "--help"]])
def test_a_reader_that_left_before_the_first_word(arguments):
    read, write = os.pipe()
    os.close(read)
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "lexseg", *arguments]
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, env=buffered)
    assert (done.stderr, done.returncode) == ("", 141)


def test_models_lists_methods_and_recipes(capsys):
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"methods", "recipes", "models"}
    assert {"tmca", "lsms", "unet"} <= {m["name"] for m in found["methods"]}
    assert all(m["summary"] for m in found["methods"] if m["name"] == "tmca")
    assert main(["models"]) == 0
    assert "tmca" in capsys.readouterr().out


def test_models_shows_the_scores_of_bundled_models(monkeypatch, sides_folder, capsys):
    from lexseg.models import catalogue

    report = {"per_image": {"dice": {"mean": 0.8312, "ci95": [0.8, 0.9]}}, "pooled": {"dice": 0.89, "iou": 0.8}}
    (sides_folder / "metrics.json").write_text(json.dumps({"val": report, "epoch": 3}))
    monkeypatch.setattr(catalogue, "bundled_models", lambda: {"sides": sides_folder})
    assert main(["models"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  sides") and "MB" in line)
    assert "32x64 px" in line and "val per image 0.831" in line and "val pooled 0.890" in line
