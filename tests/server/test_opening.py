"""Between the open port and the loaded model: the server says that it is coming, and nobody waits without a word."""

import contextlib
import copy
import threading

import pytest

from lexseg.cli.main import main
from serving import EXAMPLES, FILM, form, site, until

BREAST = EXAMPLES / "breast_case012.png"


@contextlib.contextmanager
def loading(segmenter, monkeypatch, **settings):
    """A server whose model is loaded when the event is set; the event, and the site."""
    from lexseg.predict.segmenter import Segmenter

    loaded = threading.Event()

    def load(*_, **__):
        assert loaded.wait(120)
        return segmenter

    monkeypatch.setattr(Segmenter, "from_pretrained", load)
    try:
        with site(None, **settings) as served:
            yield served, loaded
    finally:
        loaded.set()


def test_alive_is_not_ready_until_the_model_is_loaded(bundled, monkeypatch):
    with loading(bundled, monkeypatch) as (served, loaded):
        assert served.get("/healthz").status == 200
        assert served.get("/metrics").status == served.get("/openapi.json").status == served.get("/").status == 200
        for path in ("/readyz", "/capabilities", "/v1/images/x", "/v1/jobs/x", "/v1/results/x/mask.png"):
            waits = served.get(path)
            assert (waits.status, waits.code) == (503, "starting"), path
            assert int(waits.headers["retry-after"]) > 0
        body, kind = form(FILM)
        for path, sent, type_ in (("/v1/images", body, kind), ("/v1/images/x/segment", b"{}", "application/json")):
            assert served.call("POST", path, sent, content_type=type_).code == "starting"
        loaded.set()
        until(lambda: served.get("/readyz").status == 200)
        assert served.ask(served.open(BREAST), "hypoechoic mass")[0]["state"] == "found"


def test_who_may_not_ask_is_not_told_that_it_loads(bundled, monkeypatch):
    with loading(bundled, monkeypatch, token="a-token-of-some-length") as (served, _):
        assert served.get("/capabilities", authorization="Bearer wrong").code == "token"
        assert served.get("/readyz", authorization="").code == "starting"


def test_a_server_that_is_stopped_while_it_loads_does_not_wait_for_the_model(bundled, monkeypatch):
    from lexseg.predict.segmenter import Segmenter

    loaded = threading.Event()
    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: loaded.wait(600) and bundled)
    with site(None) as served:  # which waits for the server's end
        assert served.get("/readyz").code == "starting"
    assert not loaded.is_set()
    loaded.set()


@pytest.mark.usefixtures("server_logs")
def test_a_model_that_cannot_be_loaded_ends_the_server_with_its_reason(capsys, tmp_path):
    (tmp_path / "model").mkdir()
    assert main(["serve", "--port", "0", "--state", str(tmp_path), "--model", str(tmp_path / "model")]) == 1
    told = capsys.readouterr()
    assert "config.json" in told.err and "Traceback" not in told.err and told.out == ""


@pytest.mark.usefixtures("server_logs")
def test_an_operating_point_that_the_model_lacks_ends_it_too(capsys, monkeypatch, sides, tmp_path):
    from lexseg.predict.segmenter import Segmenter

    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: sides)
    assert main(["serve", "--port", "0", "--state", str(tmp_path), "--operating-point", "10"]) == 1
    assert "no operating point" in capsys.readouterr().err


def test_the_operating_point_is_the_servers(bundled, monkeypatch):
    from lexseg import Segmenter

    pointed = copy.copy(bundled)
    pointed._presence = bundled._presence | {"lost_15": 0.987}
    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: pointed)
    with site(None, operating_point="15") as served:
        until(lambda: served.get("/readyz").status == 200)
        (result,) = served.ask(served.open(FILM), "infection in the right lung")
        assert result["presence_threshold"] == 0.987
