"""The audit log: who, when, from where, which image; the words only where that is allowed."""

import hashlib
import json
import os
import re

import pytest

from lexseg.cli.main import main
from lexseg.server.tokens import NamedToken
from serving import EXAMPLES, FILM, site, until

pytest.importorskip("uvicorn")
BREAST = EXAMPLES / "breast_case012.png"
SECRETS = {"anna": "anna-s-own-secret", "bert": "bert-s-own-secret"}
TOKENS = tuple(
    NamedToken(name, role, hashlib.sha256(SECRETS[name].encode()).hexdigest())
    for name, role in (("anna", "writer"), ("bert", "reader"))
)


@pytest.fixture
def audited(bundled, tmp_path):
    """``audited(...)``: a server with named tokens, used a little; its lines, and the file."""

    def use(**settings):
        path = tmp_path / "audit.jsonl"
        with site(bundled, tokens=TOKENS, audit=path, **settings) as served:
            served.token = SECRETS["anna"]
            image = served.open(BREAST)
            (result,) = served.ask(image, "hypoechoic mass")
            served.get(result["links"]["mask"], authorization=f"Bearer bert:{SECRETS['bert']}")
            refused = served.call("DELETE", f"/v1/images/{image['id']}", authorization=f"Bearer {SECRETS['bert']}")
            assert (refused.status, refused.code) == (403, "role")
            job = served.post(f"/v1/images/{image['id']}/segment", sentences=["hypoechoic mass"], frames=[0, 0]).json
            served.wait(job, "done")
            served.get("/v1/images/none", authorization="Bearer wrong")
            served.get("/healthz"), served.get("/")
            assert served.call("DELETE", f"/v1/images/{image['id']}").status == 204
            until(lambda: path.read_text().count("\n") >= 8)
        return [json.loads(line) for line in path.read_text().splitlines()], path, image, result

    return use


def test_who_did_what_to_which_image(audited):
    lines, path, image, result = audited()
    did = [(line["who"], line["method"], line["route"], line["status"]) for line in lines]
    route = "/v1/images/{id}"
    assert [each for each in did if each[2] != "/v1/jobs/{id}"] == [
        ("anna", "POST", "/v1/images", 201),
        ("anna", "POST", f"{route}/segment", 200),
        ("bert", "GET", "/v1/results/{id}/mask.png", 200),
        ("bert", "DELETE", "other", 403),
        ("anna", "POST", f"{route}/segment", 202),
        (None, "GET", "other", 401),
        ("anna", "DELETE", route, 204),
    ]
    hashed = hashlib.sha256(BREAST.read_bytes()).hexdigest()
    for line in lines:
        assert line["image"] == (None if line["status"] in (401, 403) else hashed), line
        assert line["address"] == "127.0.0.1" and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", line["time"])
    text = path.read_text()
    assert "mass" not in text and image["id"] not in text and result["id"] not in text and "secret" not in text
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_what_was_asked_is_noted_where_that_is_allowed(audited):
    lines, *_ = audited(audit_text=True)
    assert [line["asked"] for line in lines if line["route"].endswith("segment")] == [["hypoechoic mass"]] * 2


def test_the_same_series_has_one_hash_in_whatever_order_its_files_come():
    from lexseg.server.upload import Upload

    assert Upload(hashes=["b" * 64, "a" * 64]).sha256 == Upload(hashes=["a" * 64, "b" * 64]).sha256
    assert Upload(hashes=["a" * 64]).sha256 == "a" * 64


def test_lines_that_are_lost_are_counted_and_told(bundled, tmp_path, caplog):
    path = tmp_path / "audit.jsonl"
    with site(bundled, audit=path) as served:
        path.unlink()
        path.mkdir()
        assert served.send(FILM).status == 201
        assert "lexseg_audit_lines_lost_total 1.0" in served.get("/metrics").body.decode()
    assert "the audit log could not be written" in caplog.text


@pytest.mark.usefixtures("server_logs")
def test_a_log_that_cannot_be_written_is_told_at_once(capsys, tmp_path):
    start = ["serve", "--port", "0", "--state", str(tmp_path)]
    assert main([*start, "--audit-log", str(tmp_path / "none" / "log")]) == 1
    assert "audit log" in capsys.readouterr().err
    assert main([*start, "--audit-text"]) == 1
    assert "--audit-log" in capsys.readouterr().err
