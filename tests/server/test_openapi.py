"""What the server says of itself for programs, held to what it does: by schemathesis, and by what HTTP asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving import FILM, site

pytest.importorskip("uvicorn")
CONFIG = Path(__file__).with_name("schemathesis.toml")
TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def guarded(bundled):
    with site(bundled, token=TOKEN) as served:
        yield served


@pytest.fixture(scope="module")
def schema(guarded):
    return guarded.get("/openapi.json").json


@pytest.fixture(scope="module")
def there(guarded):
    """Addresses of an image, a result and a job that there are, for the paths of the description."""
    image = guarded.open(FILM)
    (result,) = guarded.ask(image, "infection in the right lung")
    job = guarded.post(f"/v1/images/{image['id']}/segment", sentences=["infection"], frames=[0, 0]).json
    guarded.wait(job, "done")
    teaching = guarded.post("/v1/teachings").json
    ids = {"/v1/images": image["id"], "/v1/results": result["id"], "/v1/jobs": job["id"]}
    ids["/v1/teachings"] = teaching["id"]

    def fill(path):
        id_ = next((id_ for start, id_ in ids.items() if path.startswith(start)), "")
        return path.replace("{id}", id_).replace("{n}", "0")

    return fill


def operations(schema):
    return [(path, method, said) for path, all_ in schema["paths"].items() for method, said in all_.items()]


def test_an_answer_is_of_a_media_type_that_is_described(guarded, schema, there):
    gets = [(path, said) for path, method, said in operations(schema) if method == "get"]
    assert len(gets) >= 13
    for path, said in gets:
        answer = guarded.get(there(path))
        described = said["responses"].get(str(answer.status), said["responses"].get(f"{answer.status // 100}XX"))
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in described["content"], (path, answer.status, kind)


def test_head_is_there_wherever_get_is(guarded, schema, there):
    for path in [path for path, method, _ in operations(schema) if method == "get"] + ["/", "/page.css"]:
        whole, head = guarded.get(there(path)), guarded.call("HEAD", there(path))
        assert (head.status, head.body) == (whole.status, b""), path
        assert head.headers["content-type"] == whole.headers["content-type"]
        if path != "/metrics":  # which changes
            assert head.headers["content-length"] == str(len(whole.body)), path


def test_a_method_that_there_is_not_is_refused_with_those_there_are(guarded, schema, there):
    for path, methods in schema["paths"].items():
        refused = guarded.call("PATCH", there(path))
        assert (refused.status, refused.code) == (405, "method_not_allowed"), path
        there_are = {method.upper() for method in methods}
        assert set(refused.headers["allow"].split(", ")) == there_are | ({"HEAD"} if "GET" in there_are else set())
    assert guarded.call("POST", "/page.css").headers["allow"] == "GET, HEAD"


def test_who_may_ask_is_described_as_it_is(guarded, schema, there, ordinary):
    (scheme,) = schema["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, method, said in operations(schema):
        answer = guarded.call(method.upper(), there(path), authorization="")
        assert (answer.status == 401) is bool(said.get("security")), path
        if answer.status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer ")
    open_to_all = ordinary.get("/openapi.json").json
    assert "securitySchemes" not in open_to_all["components"]
    assert not any("security" in said for _, _, said in operations(open_to_all))


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({}, False),
        ({"sentences": []}, False),
        ({"sentences": [" "]}, False),
        ({"sentences": ["mass"], "report": "A mass."}, False),
        ({"sentences": None, "report": None}, False),
        ({"sentences": ["mass"], "frame": 0, "frames": [0, 0]}, False),
        ({"sentences": ["mass"], "frame": "0"}, False),
        ({"sentences": ["mass"], "threshold": True}, False),
        ({"sentences": ["mass"], "anyway": "yes"}, False),
        ({"sentences": ["mass"], "window": {"width": "9", "level": 0}}, False),
        ({"sentences": ["mass"], "more": 1}, False),
        ({"sentences": ["mass"]}, True),
        ({"sentences": ["mass"], "report": None, "frame": None, "frames": None}, True),
        ({"report": "A mass."}, True),
        ({"sentences": ["mass"], "frame": 0, "threshold": 0.5, "window": {"width": 1, "level": 0}}, True),
    ],
)
def test_what_the_description_takes_the_server_takes(guarded, schema, there, body, valid):
    checker = pytest.importorskip("jsonschema_rs")
    asked = {"$ref": "#/components/schemas/SegmentRequest", "components": schema["components"]}
    assert checker.validator_for(asked).is_valid(body) is valid
    assert (guarded.post(there("/v1/images/{id}/segment"), **body).status == 200) is valid


@pytest.mark.slow
def test_requests_of_every_kind_are_answered_as_described(guarded, tmp_path):
    """A bounded number of requests, made from the description, right and wrong ones; the same ones every time."""
    pytest.importorskip("schemathesis")
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    done = subprocess.run(
        [program, "--config-file", CONFIG, "run", f"http://127.0.0.1:{guarded.port}/openapi.json",
         "-H", f"Authorization: Bearer {TOKEN}", "--max-examples", "10", "--seed", "1",
         "--workers", "1", "--request-timeout", "120", "--no-color",
         "--suppress-health-check", "all", "--warnings", "off"],
        cwd=tmp_path, capture_output=True, text=True, timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
