"""Requests that mean harm, and files that break what reads them: refused with a reason, and the server goes on."""

import contextlib
import errno
import gzip
import hashlib
import io
import logging
import os
import pickle
import signal
import socket
import struct
import threading
import time
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from serving import EXAMPLES, FILM, form, processor_seconds, until

BREAST = EXAMPLES / "breast_case012.png"


def answers(site):
    """Whether the server still does its work."""
    image = site.open(BREAST)
    return site.ask(image, "hypoechoic mass")[0]["state"] == "found"


@pytest.mark.parametrize(
    "path",
    [
        "/../settings.py",
        "/..%2f..%2f..%2fpyproject.toml",
        "/%2e%2e/%2e%2e/errors.py",
        "//etc/passwd",
        "/..\\..\\errors.py",
        "/v1/images/../../errors.py",
        "/v1/images/..%2f..%2fx",
        "/v1/images/%00",
        "/v1/results/..%2f..%2fx/mask.png",
        "/v1/jobs/..%2fx",
        "/" + "a" * 5000,
    ],
)
def test_paths_lead_nowhere(strict, path):
    answer = strict.get(path)
    assert answer.status in (404, 405) and answer.code


def test_names_of_files_are_not_looked_at(strict):
    before = {p for p in strict.service.root.parent.iterdir()}
    body, kind = form(BREAST, name="../../../../tmp/owned.png")
    answer = strict.call("POST", "/v1/images", body, content_type=kind)
    assert answer.status == 201
    folder = strict.service.root / answer.json["id"]
    assert sorted(p.name for p in folder.iterdir()) == ["frames", "padding", "upload"]
    assert {p for p in strict.service.root.parent.iterdir() if "owned" in p.name} <= before
    strict.call("DELETE", f"/v1/images/{answer.json['id']}")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic a-token-of-some-length", "Bearer \xff"])
def test_without_the_token_nothing_is_told(strict, authorization):
    for method, path in (("POST", "/v1/images"), ("GET", "/v1/jobs/x"), ("GET", "/metrics"), ("GET", "/capabilities")):
        refused = strict.call(method, path, authorization=authorization)
        assert refused.status == 401 and refused.code == "token"
    assert strict.get("/healthz", authorization="").status == 200
    assert strict.get("/", authorization="").status == 200  # the page asks for the token


def test_tokens_are_compared_in_constant_time(strict, monkeypatch):
    import hmac

    def hashed(text):
        return hashlib.sha256(text.encode()).hexdigest()

    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    assert strict.get("/capabilities", authorization="Bearer wrong").status == 401
    assert (hashed("wrong"), hashed(strict.token)) in compared


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
    ],
)
def test_pages_of_other_sites_cannot_use_it(server, headers, status):
    assert server.get("/capabilities", **headers).status == status
    body, kind = form(BREAST)
    sent = server.call("POST", "/v1/images", body, content_type=kind, **headers)
    assert sent.status == (201 if status == 200 else status)
    if status == 200:
        server.opened.append(sent.json["id"])


def test_the_page_itself_may_ask_and_be_linked_to(server):
    own = f"http://127.0.0.1:{server.port}"
    assert server.get("/capabilities", origin=own, host=own[7:]).status == 200
    assert server.get("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 200
    page = server.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff" and page.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in page.headers
    assert server.get("/capabilities", origin=own, host=own[7:]).headers.get("access-control-allow-origin") is None
    assert server.get("/docs").status == 404  # it would load scripts from elsewhere


def test_uploads_that_are_too_large(strict):
    body, kind = form(b"\x89PNG\r\n\x1a\n" + bytes(3_000_000))
    declared = strict.call("POST", "/v1/images", body, content_type=kind)
    assert declared.status == 413 and declared.code == "too_large"
    # without saying how long it is
    pieces = b"".join(
        b"%x\r\n%b\r\n" % (len(p), p) for p in (body[i : i + 60_000] for i in range(0, len(body), 60_000))
    )
    head = (
        f"POST /v1/images HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {strict.token}\r\n"
        f"content-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    said = strict.raw(head.encode() + pieces + b"0\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ") and b"too_large" in said
    sentence = strict.call("POST", "/v1/images/x/segment", b" " * 50_000_000, content_type="application/json")
    assert sentence.status == 413
    assert len(list(strict.service.root.iterdir())) == 1
    assert answers(strict)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "multipart/form-data; boundary=edge", 400, "broken_form"),
        (b"x" * 100, "multipart/form-data; boundary=edge", 400, "broken_form"),
        (b"--edge\r\n\r\nabc", "multipart/form-data; boundary=edge", 400, "unknown_field"),
        (form(BREAST)[0][:-30], "multipart/form-data; boundary=edge", 400, "broken_form"),
        (form(BREAST)[0], "multipart/form-data", 415, "not_a_form"),
        (form(BREAST)[0], "multipart/form-data; boundary=" + "e" * 300, 400, "broken_form"),
        (form(BREAST)[0], "image/png", 415, "not_a_form"),
        (form(spacing="1,1")[0], form()[1], 400, "no_file"),
        (form(BREAST, BREAST, BREAST, BREAST)[0], form()[1], 413, "too_many_files"),
        (form(BREAST, evil="1")[0], form()[1], 400, "unknown_field"),
        (form(BREAST, series="1" * 5000)[0], form()[1], 413, "too_large"),
        (form(b"")[0], form()[1], 422, "unreadable"),
    ],
)
def test_forms_that_are_none(strict, body, kind, status, code):
    refused = strict.call("POST", "/v1/images", body, content_type=kind)
    assert (refused.status, refused.code) == (status, code)
    assert len(list(strict.service.root.iterdir())) == 1  # nothing is left


class Harm:
    def __reduce__(self):
        return os.system, ("touch /tmp/lexseg-was-owned",)


def _png_of(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    data = b"IDAT" + zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, data, b"IEND")
    )


def _zip_of(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name.replace("__", "../"), content)
    return packed.getvalue()


def _nifti_of(shape):
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    return gzip.compress(header.binaryblock + bytes(4) + bytes(1000))


def _torch_zip():
    return _zip_of(**{"archive/data.pkl": pickle.dumps(Harm()), "archive/version": b"3"})


_HARM = {
    "a pickle": lambda: pickle.dumps(Harm()),
    "weights with a pickle": _torch_zip,
    "a numpy file with a pickle": lambda: _saved(np.array([Harm()], dtype=object)),
    "a PNG of 60,000 x 60,000 pixels": lambda: _png_of(60_000, 60_000),
    "a PNG larger than the server takes": lambda: _png_of(600, 600),
    "a PNG cut short": lambda: FILM.read_bytes()[:5000],
    "a zip that leads out": lambda: _zip_of(__owned=b"x", **{"/etc/owned": b"x"}),
    "a bomb": lambda: _zip_of(**{f"{i}.dcm": bytes(128) + b"DICM" + bytes(40_000_000) for i in range(3)}),
    "a NIfTI of 30,000 voxels each way": lambda: _nifti_of((30_000, 30_000, 30_000)),
    "a NIfTI with more voxels than there are bytes": lambda: _nifti_of((60, 60, 60)),
    "a gzip of nothing but zeros": lambda: gzip.compress(bytes(100_000_000)),
    "an NRRD that names another file": lambda: (
        b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 9 9\nencoding: raw\ndata file: /etc/passwd\n\n"
    ),
    "DICOM's mark and noise": lambda: bytes(128) + b"DICM" + np.random.default_rng(0).bytes(5000),
    "a script": lambda: b"#!/bin/sh\ntouch /tmp/lexseg-was-owned\n",
    "a page": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
}


def _saved(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("harm", _HARM)
def test_files_that_mean_harm(strict, harm):
    (pid,) = pids = strict.service.intake.pids
    began = processor_seconds(pid)
    refused = strict.send(_HARM[harm]())
    assert refused.status in (413, 422), refused.body
    assert refused.code in ("unreadable", "too_large")
    assert processor_seconds(pid) - began < 5  # a busy machine may take longer
    message = refused.json["error"]["message"]
    assert str(strict.service.root) not in message and "/tmp" not in message and "Traceback" not in message
    assert strict.service.intake.pids == pids  # said in good order: no reader had to be killed
    assert not os.path.exists("/tmp/lexseg-was-owned")
    assert len(list(strict.service.root.iterdir())) == 1


def test_a_reader_that_dies_or_hangs_is_replaced(strict, monkeypatch):
    settings = strict.service.settings
    for signal_, code in ((signal.SIGSTOP, "too_slow"), (signal.SIGKILL, "unreadable")):
        (pid,) = strict.service.intake.pids
        os.kill(pid, signal.SIGSTOP)  # it holds still until the file is given to it
        later = threading.Timer(0.5, os.kill, (pid, signal_))
        with monkeypatch.context() as hurried:
            if code == "too_slow":
                short = replace(settings, times=replace(settings.times, read=1.5))
                hurried.setattr(strict.service.intake, "_settings", short)
            later.start()
            refused = strict.send(BREAST)
            later.join()
        assert (refused.status, refused.code) == (422, code)
        assert answers(strict) and strict.service.intake.pids != [pid]
        strict.call("DELETE", f"/v1/images/{strict.opened.pop()}")


def test_a_reader_gets_no_more_memory_than_it_may(strict):
    (pid,) = strict.service.intake.pids
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (memory,) = (line.split()[-2] for line in lines if line.startswith("Max address space"))
    assert int(memory) == strict.service.settings.limits.reader_bytes
    loaded = Path(f"/proc/{pid}/maps").read_text()
    assert "numpy" in loaded and "libtorch" not in loaded


def _head(site, length):
    return (
        f"POST /v1/images HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {site.token}\r\n"
        f"content-type: multipart/form-data; boundary=edge\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def test_a_client_that_stops_sending_is_told_so(impatient):
    hurried = impatient(body=0.5)
    said = hurried.raw(_head(hurried, 1000) + b"--edge\r\n")
    assert said.startswith(b"HTTP/1.1 408 ") and b"too_slow" in said


def test_a_client_that_sends_drop_by_drop_is_told_so(impatient):
    """No drop is long in coming, but the whole is."""
    hurried = impatient(upload=1.5)
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=60) as connection:
        began = time.monotonic()
        connection.sendall(_head(hurried, 100_000) + form(BREAST)[0][:300])
        said = b""
        connection.settimeout(0.1)
        while not said and time.monotonic() - began < 60:
            connection.sendall(b"x")
            try:
                said = connection.recv(1000)
            except TimeoutError:
                continue
        assert said.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began > 1


@pytest.mark.parametrize(
    "start", [b"", b"GET / HTTP/1.1\r\nhost:", b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET"]
)
def test_a_client_that_never_ends_its_head_is_let_go(impatient, start):
    began, hurried = time.monotonic(), impatient(head=0.5)
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=60) as connection:
        connection.sendall(start)
        with contextlib.suppress(ConnectionError):
            while connection.recv(65536):  # to the end, which only the server can make
                pass
    assert time.monotonic() - began > 0.3


def test_a_client_that_does_not_take_its_answer_is_let_go(impatient):
    hurried = impatient(write=0.5)
    image = hurried.open(BREAST)
    path = f"/v1/images/{image['id']}/frames/0/values"
    request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {hurried.token}\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect(("127.0.0.1", hurried.port))
        connection.sendall(request.encode() * 30)
        until(lambda: not _established(hurried.port, connection.getsockname()[1]))
        taken = 0
        connection.settimeout(60)
        try:
            while piece := connection.recv(1 << 16):
                taken += len(piece)
        except ConnectionError:
            pass
    assert taken < 30 * 4 * image["height"] * image["width"]
    assert answers(hurried)


def _established(server, client):
    """Whether the server's end of a connection, told by the ports, is open: its state in the kernel's table is 1."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = f":{server:04X}", f":{client:04X}"
    return any((line[1][-5:], line[2][-5:]) == ends and line[3] == "01" for line in lines)


def test_slow_clients_do_not_keep_others_waiting(strict):
    """The server would wait ten minutes for the idle ones: had it done so, there would be no answer."""
    idle = [socket.create_connection(("127.0.0.1", strict.port)) for _ in range(50)]
    try:
        assert strict.service.settings.times.head == 600
        assert strict.get("/healthz").status == 200
    finally:
        for connection in idle:
            connection.close()


def test_http_that_is_none(strict):
    for junk in (b"\0" * 100, b"GET\r\n\r\n", b"POST / HTTP/9\r\n\r\n", b"\x16\x03\x01" + bytes(200)):
        said = strict.raw(junk + b"\r\n\r\n")
        assert said == b"" or said.startswith(b"HTTP/1.1 400")
    long = strict.raw(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 200_000 + b"\r\n\r\n")
    assert long == b"" or long.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert strict.call("PATCH", "/v1/images").status == 405
    assert answers(strict)


def test_a_client_that_leaves_leaves_nothing(strict):
    body, _ = form(BREAST)
    with socket.create_connection(("127.0.0.1", strict.port)) as connection:
        connection.sendall(_head(strict, len(body)) + body[:2000])
        time.sleep(0.2)
    until(lambda: len(list(strict.service.root.iterdir())) == 1)
    assert strict.service.images.coming == 0


def test_the_log_says_that_not_what(strict, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("lexseg.server", "lexseg.server.access", "uvicorn", "uvicorn.error"):
        logging.getLogger(name).propagate = True
    image = strict.open(BREAST)
    strict.ask(image, "hypoechoic mass of Zaphod")
    strict.post(f"/v1/images/{image['id']}/segment", sentences=["Zaphod " * 100], frame=0)
    strict.get(f"/v1/images/{image['id']}/frames/0?width=Zaphod")
    strict.get("/v1/images/Zaphod")
    strict.get("/Zaphod.html?Zaphod")
    body, kind = form(b"Zaphod", name="Zaphod.png")
    strict.call("POST", "/v1/images", body, content_type=kind)
    logged = caplog.text
    assert "POST /v1/images/{id}/segment 200" in logged
    assert "Zaphod" not in logged and image["id"] not in logged and "127.0.0.1" not in logged


def test_a_fault_of_ours_is_told_without_its_words(server, monkeypatch, caplog):
    def fail(*_):
        raise ValueError("about Zaphod")

    image = server.open(BREAST)
    monkeypatch.setattr(server.service.batcher, "_hear", fail)
    logging.getLogger("lexseg.server").propagate = True
    answer = server.post(f"/v1/images/{image['id']}/segment", sentences=["of Zaphod"])
    assert answer.status == 500 and answer.code == "fault"
    assert b"Zaphod" not in answer.body and "Zaphod" not in caplog.text and "ValueError" in caplog.text
    monkeypatch.undo()
    assert answers(server)


def test_a_full_disk_is_told_as_such(strict, monkeypatch):
    async def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    async def full(*_):
        return {"errno": errno.ENOSPC}

    with monkeypatch.context() as patched:
        patched.setattr("lexseg.server.routes.receive", fail)
        assert (strict.send(BREAST).status, strict.send(BREAST).code) == (507, "disk_full")
    with monkeypatch.context() as patched:
        patched.setattr("lexseg.server.intake.ReaderProcess.ask", full)
        assert (strict.send(BREAST).status, strict.send(BREAST).code) == (507, "disk_full")
    assert answers(strict)


def test_a_picture_with_too_many_pixels_is_refused(strict):
    packed = io.BytesIO()
    Image.new("L", (900, 900)).save(packed, "TIFF", compression="tiff_deflate")
    refused = strict.send(packed.getvalue())
    assert refused.status == 413 and "pixels" in refused.json["error"]["message"]
