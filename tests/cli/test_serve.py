"""``lexseg serve``: what it refuses before it serves."""

import socket
import sys

import pytest

from lexseg.cli.main import main

pytestmark = pytest.mark.usefixtures("server_logs")


def refused(capsys, *arguments):
    assert main(["serve", *map(str, arguments)]) == 1
    told = capsys.readouterr()
    assert told.out == "" and "Traceback" not in told.err
    return told.err


def test_others_may_ask_only_with_a_token(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("LEXSEG_TOKEN", raising=False)
    for host in ("0.0.0.0", "::", "192.168.1.20", "clinic.example"):
        assert "--token-file" in refused(capsys, "--host", host)
    monkeypatch.setenv("LEXSEG_TOKEN", "short")
    message = refused(capsys, "--host", "0.0.0.0")
    assert "16" in message and "short" not in message
    (tmp_path / "token").write_text("\n")
    (tmp_path / "token").chmod(0o600)
    assert "empty" in refused(capsys, "--token-file", tmp_path / "token")
    assert "none.txt" in refused(capsys, "--token-file", tmp_path / "none.txt")


def test_a_port_that_is_taken_is_told_before_the_model_is_loaded(capsys, monkeypatch, tmp_path):
    pytest.importorskip("uvicorn")
    from lexseg.predict.segmenter import Segmenter

    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refused(capsys, "--port", port, "--state", tmp_path)
    assert "65535" in refused(capsys, "--port", 70000)


def test_a_missing_package_is_named_with_its_extra(capsys, monkeypatch):
    # no more than this one: a package that is imported anew would keep its place in lexseg after the test
    monkeypatch.delitem(sys.modules, "lexseg.server.run", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    message = refused(capsys)
    assert "uvicorn" in message and "pip install 'lexseg[serve]'" in message


def test_a_journal_that_cannot_be_written_is_told_before_the_model_is_loaded(capsys, monkeypatch, tmp_path):
    pytest.importorskip("uvicorn")
    from lexseg.predict.segmenter import Segmenter

    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    (tmp_path / "file").write_text("no folder")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        message = refused(capsys, "--port", 0, "--state", folder)
        assert str(folder) in message and "--state" in message


@pytest.mark.parametrize("option", [("--idle", "0"), ("--max-upload", "x"), ("--max-images", "0"), ("--port", "x")])
def test_numbers_that_cannot_be_meant(capsys, option):
    assert main(["serve", *option]) == 2
    assert option[1] in capsys.readouterr().err
