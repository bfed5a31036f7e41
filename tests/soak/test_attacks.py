"""Attacks that need no luck: bombs, weights in disguise, floods of headers, upgrades, words that are none."""

import gzip
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import socket
import struct
import zipfile

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("uvicorn")

from uploading import check_refusal, strict

from lexseg.cli.main import main
from lexseg.models.config import bundled_models
from serving import EXAMPLES, FILM, processor_seconds

UNREADABLE = "does not fit|cannot be read as safetensors"
"""What torch says of weights that are none, or what is said before it."""
BREAST = EXAMPLES / "breast_case012.png"


@pytest.fixture
def image(server):
    opened = server.open(BREAST)
    yield opened
    assert server.get("/healthz").json == {"status": "ok"}
    server.call("DELETE", f"/v1/images/{opened['id']}")
    server.opened.clear()


def refused(server, answer, *codes):
    code = check_refusal(answer.status, answer.body)
    assert code in codes, (code, answer.body)
    assert server.get("/healthz").status == 200
    return answer.json["error"]["message"]


def zipped(files, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, data in files:
            file.writestr(zipfile.ZipInfo(name), data, method)
    return packed.getvalue()


def overlapping(count, size):
    """A zip whose entries are all one and the same packed stretch: small, and ``count`` times as large unpacked."""
    one = zipped([("a", bytes(128) + b"DICM" + bytes(size))])
    directory = one.index(b"PK\x01\x02")
    entry, end = one[directory : one.index(b"PK\x05\x06")], one[one.index(b"PK\x05\x06") :]
    entries = entry * count
    tail = end[:8] + struct.pack("<HHII", count, count, len(entries), directory) + end[20:]
    return one[:directory] + entries + tail


_BOMBS = {
    "zips in zips": lambda: zipped([("a.zip", zipped([("b.zip", zipped([("c", bytes(10_000_000))]))]))]),
    "entries that overlap": lambda: overlapping(5000, 1_000_000),
    "many entries": lambda: zipped([(str(n), b"") for n in range(25_000)]),
    "names of 60,000 letters": lambda: zipped([(f"{n:060000}", bytes(300)) for n in range(40)]),
    "a zip of zeros that says DICOM": lambda: zipped([("a", bytes(128) + b"DICM" + bytes(110_000_000))]),
    "gzip in gzip in gzip": lambda: gzip.compress(gzip.compress(gzip.compress(bytes(20_000_000)))),
    "links and devices": lambda: _links(),
}


def _links():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, mode, target in (("a", 0o120777, "/etc/passwd"), ("../b", 0o120777, "/"), ("c", 0o020666, "")):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, target)
    return packed.getvalue()


@pytest.mark.parametrize("bomb", _BOMBS)
def test_bombs_do_not_go_off(server, bomb):
    data, pids = _BOMBS[bomb](), server.service.intake.pids
    began = sum(map(processor_seconds, pids))
    assert len(data) < 5_000_000
    message = refused(server, server.send(data), "unreadable", "too_large")
    assert server.service.intake.pids == pids
    assert sum(map(processor_seconds, pids)) - began < 10  # a busy machine may take longer
    assert "passwd" not in message and len(list(server.service.root.iterdir())) == 1


class Harm:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def _serve(folder, capsys):
    status = main(["serve", "--model", str(folder), "--port", "0", "--state", str(folder.parent / "state")])
    told = capsys.readouterr()
    assert status == 1 and "Traceback" not in told.err
    return told.err


def _evil(tmp_path, weights):
    """The bundled model's configuration with other weights, whose sum is right."""
    folder = tmp_path / "evil"
    shutil.copytree(bundled_models()["default"], folder)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(weights)
    config = json.loads((folder / "config.json").read_text())
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.usefixtures("server_logs")
def test_a_pickle_that_poses_as_a_model_is_not_opened(tmp_path, capsys):
    made = tmp_path / "owned"
    evil = pickle.dumps(Harm(made))
    assert re.search(UNREADABLE, _serve(_evil(tmp_path, evil), capsys))
    folder = tmp_path / "pickled"
    folder.mkdir()
    for name in ("pytorch_model.bin", "model.pth", "model.pt", "data.pkl"):
        (folder / name).write_bytes(evil)
    assert "config.json is missing" in _serve(folder, capsys)
    (folder / "config.json").write_text('{"method": "os.system", "arguments": {}}')
    assert "format" in _serve(folder, capsys)
    assert "is a file" in _serve(folder / "model.pth", capsys)
    assert not made.exists()


@pytest.mark.parametrize(
    "weights",
    [
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 99_000_000) + b"{}",
        struct.pack("<Q", 2**64 - 1),
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,4]}}'[:60],
        struct.pack("<Q", 66) + b'{"a":{"dtype":"F32","shape":[9000000000],"data_offsets":[0,36000]}}'.ljust(66),
        b"",
    ],
    ids=["2^62", "99 MB", "2^64", "cut short", "of 36 GB", "empty"],
)
@pytest.mark.usefixtures("server_logs")
def test_a_header_of_weights_makes_no_room_for_itself(tmp_path, capsys, weights):
    assert re.search(UNREADABLE, _serve(_evil(tmp_path, weights), capsys))


@pytest.mark.parametrize("method", ["os.system", "builtins:eval", "../../x", "lexseg.cli.main:main", "", "__import__"])
@pytest.mark.usefixtures("server_logs")
def test_a_configuration_names_no_code(tmp_path, capsys, method):
    folder = tmp_path / "evil"
    shutil.copytree(bundled_models()["default"], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"method": method}))
    assert "config.json" in _serve(folder, capsys)


@pytest.mark.parametrize(
    "text",
    ["\ud800", "left \udfff lung", "\0", "a\0b", "\u202e\u2066", "\ufffe", " ", "\u00a0\u2003", "\x1b[2J", "a" * 2001],
)
def test_words_that_are_none(server, image, text):
    for asked in ({"sentences": [text]}, {"report": text}, {"report": f"FINDINGS: {text} in the left breast."}):
        answer = server.post(f"/v1/images/{image['id']}/segment", **asked)
        if answer.status != 200:  # some are letters to a tokenizer, and find what they find
            refused(server, answer, "invalid", "unusable", "too_long")
        else:
            strict(answer.body)


@pytest.mark.parametrize(
    "asked",
    [
        '"threshold": NaN', '"threshold": Infinity', '"threshold": -1e999', '"threshold": 0', '"threshold": 1',
        '"threshold": "0.5x"', '"frame": NaN', '"frame": 1e400', '"frame": -1', '"frame": 0.5', '"frame": [0]',
        '"frame": 9' + "9" * 5000, '"frames": [0, 1e18]', '"frames": [0, 9223372036854775808]', '"frames": [-1, 0]',
        '"frames": [5, 1]', '"frames": [0]', '"frames": [0, 1, 2]', '"frames": {"0": 1}',
        '"window": {"width": NaN, "level": 0}',
        '"window": {"width": 1e309, "level": 0}', '"window": {"width": -1, "level": 0}', '"laterality": "left"',
        '"__class__": 1', '"description": "yes please"',
    ],
)  # fmt: skip
def test_values_that_cannot_be_meant(server, image, asked):
    body = f'{{"sentences": ["mass"], {asked}}}'.encode()
    answer = server.call("POST", f"/v1/images/{image['id']}/segment", body, content_type="application/json")
    refused(server, answer, "invalid", "bad_request", "no_such_frame")


@pytest.mark.parametrize(
    "path", ["width=nan&level=0", "width=0&level=0", "width=1", "width=inf&level=1", "width=&level="]
)
def test_windows_that_cannot_be_meant(server, image, path):
    refused(server, server.get(f"/v1/images/{image['id']}/frames/0?{path}"), "invalid")


def test_the_thinnest_window_is_shown(server, image):
    for width, level in (("5e-324", "0"), ("1", "1e300"), ("1e308", "-1e308")):
        assert server.get(f"/v1/images/{image['id']}/frames/0?width={width}&level={level}").status == 200
        asked = {"sentences": ["mass"], "window": {"width": float(width), "level": float(level)}}
        assert server.post(f"/v1/images/{image['id']}/segment", **asked).status == 200


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"sentences":' + b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b"\xff"]
)
def test_json_that_has_no_end(server, image, body):
    answer = server.call("POST", f"/v1/images/{image['id']}/segment", body, content_type="application/json")
    refused(server, answer, "invalid", "bad_request")


def test_a_flood_of_headers_is_cut_off(server):
    for flood in (b"x: y\r\n" * 40_000, b"cookie: " + b"a" * 300_000, b"a" * 100_000):
        said = server.raw(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + flood, seconds=5)
        assert said == b"" or said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    endless = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
    try:
        for connection in endless:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 1000)
        assert server.service.settings.times.head == 600  # had it waited for them, there would be no answer
        assert server.get("/healthz").status == 200
    finally:
        for connection in endless:
            connection.close()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0", "websocket, h2c"])
def test_no_connection_becomes_another(server, upgrade):
    head = (
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade, HTTP2-Settings, close\r\n"
        f"upgrade: {upgrade}\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\nhttp2-settings: AAMAAABk\r\n\r\n"
    )
    said = server.raw(head.encode(), seconds=5)
    assert b"101" not in said[:20] and said.startswith(b"HTTP/1.1 200 ")
    assert not server.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", seconds=5).startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"host: localhost\r\nhost: evil.example\r\n", b"400"),
        (b"", b"400"),  # HTTP/1.1 asks for one
        (b"host: localhost:80:90\r\n", b"200"),
        (b"host: 127.0.0.1@evil.example\r\n", b"421"),
        (b"host: evil.example#localhost\r\n", b"421"),
        (b"host: [::1\r\n", b"200"),
        (b"host: \xff\r\n", b"4"),
        (b"host: localhost\r\norigin: http://LOCALHOST\r\n", b"200"),
        (b"host: localhost\r\norigin: http://localhost\r\norigin: http://evil.example\r\n", b"4"),
        (b"host: localhost\r\norigin: file://\r\n", b"403"),
        (b"host: localhost\r\norigin: http://localhost:8\r\n", b"403"),
        (b"host: evil.example\r\nx-forwarded-host: localhost\r\n", b"421"),
    ],
)
def test_names_and_origins(server, lines, status):
    said = server.raw(b"GET /capabilities HTTP/1.1\r\n" + lines + b"connection: close\r\n\r\n", seconds=5)
    assert said.startswith(b"HTTP/1.1 " + status), said[:60]
    if not status.startswith(b"2"):
        check_refusal(int(said[9:12]), said.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    "smuggled",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"content-length: 5\r\ncontent-length: 50\r\n\r\nabcde",
        b"content-length: -1\r\n\r\n",
        b"content-length: 0x5\r\n\r\nabcde",
        b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n",
        b"transfer-encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n",
        b"x : y\r\n\r\n",
        b"x: a\0b\r\n\r\n",
        b" folded\r\n\r\n",
    ],
)
def test_no_request_hides_in_another(server, smuggled):
    said = server.raw(b"POST /v1/images HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n" + smuggled, seconds=3)
    assert said.count(b"HTTP/1.1 ") <= 1 and not said.startswith(b"HTTP/1.1 2") and not said.startswith(b"HTTP/1.1 5")
    assert server.get("/healthz").status == 200 and len(list(server.service.root.iterdir())) == 1


def test_an_odd_range_gets_the_whole_page(server):
    whole = server.get("/")
    for wanted in ("", "bytes=9-1,-", "bytes=0-0", "items=1-2", "bytes=" + "0-1," * 20_000):
        answer = server.get("/", range=wanted)
        assert answer.status == 200 and answer.body == whole.body
    assert whole.body


def test_what_is_no_http_is_told_so(server):
    said = server.raw(b"\0\r\n\r\n", seconds=5)
    assert said.startswith(b"HTTP/1.1 400 ") and check_refusal(400, said.partition(b"\r\n\r\n")[2]) == "no_http"


def test_a_gigantic_range_of_frames_starts_nothing(server):
    volume = gzip.compress(nib.Nifti1Image(np.zeros((8, 8, 4), np.int16), np.eye(4)).to_bytes())
    opened = server.open(volume)
    ask = f"/v1/images/{opened['id']}/segment"
    for last in (4, 2**31, 2**63, 10**30):
        refused(server, server.post(ask, sentences=["mass"], frames=[0, last]), "no_such_frame", "invalid")
    assert server.get(f"/v1/images/{opened['id']}").json["frames"] == 4
    assert server.call("DELETE", f"/v1/images/{opened['id']}").status == 204


def test_film_is_still_answered(server):
    """After all that was done to it."""
    opened = server.open(FILM)
    assert server.ask(opened, "opacity in the left lung")[0]["state"] in ("found", "not found")
    assert server.call("DELETE", f"/v1/images/{opened['id']}").status == 204
