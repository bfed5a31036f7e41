"""A few of ``make soak``'s damaged files and made-up requests, and that it would notice what it looks for."""

import os
import re
import sys
import textwrap

import pytest

pytest.importorskip("uvicorn")

import fuzz
import reading
from asking import check
from fuzz import Run, shrunk
from load import Client
from mutate import mutated
from odd_requests import Request
from reading import Watched
from seed_files import seed_files
from uploading import Fault, check_refusal


@pytest.fixture(scope="module")
def seeds():
    return seed_files()


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "keep", tmp_path)


def test_damaged_files_are_read_or_refused(run, server, tmp_path):
    run.files(0, 180, Client(server.port), say=lambda _: None)
    assert run.faults == []
    counts = {what: sum(n for k, n in run.counts.items() if k.endswith(what)) for what in ("read", "refused", "taken")}
    assert counts["read"] > 20 and counts["refused"] > 60  # both happen, or the changes are not what they should be
    assert counts["taken"] == counts["read"]  # the server says what the readers say
    assert len(list(server.service.root.iterdir())) == 1  # and keeps nothing


def test_made_up_requests_are_answered_in_order(run, server):
    run.requests(server.port, 250, 5, say=lambda _: None)
    assert run.faults == []
    assert run.counts["asked: 200"] > 5 and run.counts["asked: 422"] > 5 and run.counts["asked: 404"] > 5
    assert server.get("/healthz").status == 200


@pytest.mark.slow
def test_atheris_finds_ways_of_its_own(run, server, monkeypatch):
    pytest.importorskip("atheris")
    monkeypatch.setattr(fuzz, "_IN_CORPUS", 4000)  # each is read before it begins
    run.guided(("--files", 200), 1, Client(server.port), say=lambda _: None)
    assert run.faults == []
    assert run.counts["guided: read"] >= 200
    assert any(what.startswith("sent: guided") for what in run.counts)


def test_a_number_makes_the_same_file_and_every_kind_is_there(seeds):
    assert {name.partition("/")[0] for name in seeds} == {"dicom", "packed", "nifti", "nrrd", "picture", "zip"}
    again, others = seed_files(), list(seeds.values())
    assert again == seeds
    made = [mutated(data, number, others) for number, data in enumerate(others)]
    assert made == [mutated(data, number, others) for number, data in enumerate(others)]
    assert sum(new != old for new, old in zip(made, others, strict=True)) > 0.9 * len(others)
    assert all(made)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("raise RuntimeError('no')", r"the file cannot be read \(RuntimeError\)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with -11"),
        ("while True: pass", r"no answer in 1\.2 s"),
        ("import time\nend = time.process_time() + 1.5\nwhile time.process_time() < end: pass", r"took \d+\.\d s"),
        ("import numpy; numpy.ones(40_000_000).sum()", r"took \d+ MB"),
        ("import tempfile; tempfile.mkstemp()", "left behind"),
    ],
)
def test_what_goes_wrong_in_a_reader_is_noticed(tmp_path, monkeypatch, code, fault):
    """A reader whose `open_scan` does harm stands for a decoder that does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'lexseg.server.reader' in sys.orig_argv:\n"
        "  import lexseg.server.reader as reader\n"
        "  def harm(*given, **named):\n" + textwrap.indent(code, "    ") + "\n"
        "    from lexseg.errors import DataError\n"
        "    raise DataError('upload: not an image')\n"
        "  import lexseg.scans.open as place\n"
        "  place.open_scan = reader.open_scan = harm\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setattr(reading, "SLOWEST", 1.0 if "process_time" in code else 30.0)
    (tmp_path / "files").mkdir()
    watched = Watched(tmp_path / "files")
    watched._memory = 1 << 30
    try:
        monkeypatch.setattr(reading, "PATIENCE", 60.0)
        watched._running()
        monkeypatch.setattr(reading, "PATIENCE", 1.2 if "while True" in code else 60.0)
        watched._memory = 100_000_000  # what is watched, not what the system holds it to
        assert re.match(fault, watched.read(b"x").fault or "")
    finally:
        watched.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"error": {"code": "fault", "message": "a fault"}}'),
        (200, b"{}"),
        (404, b"Not Found"),
        (422, b'{"error": {"code": "invalid", "message": ""}}'),
        (422, b'{"error": {"code": "invalid", "message": "/tmp/lexseg-serve-x/upload is damaged"}}'),
    ],
)
def test_answers_out_of_order_are_noticed(status, body):
    with pytest.raises(Fault):
        check_refusal(status, body)


def test_no_answer_is_noticed(server, monkeypatch):
    monkeypatch.setattr(server.service.intake, "do", None)
    with pytest.raises(Fault, match="status 500"):
        body = b'--e\r\ncontent-disposition: form-data; name="file"\r\n\r\nx\r\n--e--\r\n'
        check(
            server.port, Request("POST", b"/v1/images", ((b"content-type", b"multipart/form-data; boundary=e"),), body)
        )


def test_what_goes_wrong_is_made_small():
    assert shrunk(b"a" * 3000 + b"bad" + b"c" * 5000, lambda data: b"bad" in data) == b"bad"
    assert sys.getsizeof(shrunk(b"abc", lambda _: False)) == sys.getsizeof(b"abc")


@pytest.mark.parametrize(
    "head", [b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\xff\xd8\xff", b"NRRD0004\n", b"\x1f\x8b"]
)
def test_what_is_left_of_a_file_is_mutated_too(head):
    for n in range(60):
        for length in range(len(head), len(head) + 12):
            assert isinstance(mutated(head + bytes(length - len(head)), n), bytes)
