"""``make audit`` says "no known holes" only where holes are told of: asked of indexes of our own."""

import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("pip_audit")
AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
HOLE = {"id": "PYSEC-0000-1", "summary": "a hole"}


@pytest.fixture
def index():
    """``index(holes)``: an OSV service that knows holes of the packages named; its address."""
    servers = []

    def start(holes, status=200):
        class Answers(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                known = asked["package"]["name"] in holes
                package = {"name": asked["package"]["name"], "ecosystem": "PyPI"}
                found = {**HOLE, "affected": [{"package": package, "ranges": []}]}
                body = json.dumps({"vulns": [found]} if known else {}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1/query"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def audit(tmp_path):
    """Audits a list of one package at an index; gives the exit status and what was said."""

    def run(address):
        packages = tmp_path / "installed"
        (packages / "thing-1.0.dist-info").mkdir(parents=True, exist_ok=True)
        (packages / "thing-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        command = [sys.executable, AUDIT, "--vulnerability-service", "osv", "--osv-url", address]
        done = subprocess.run([*command, "--path", packages], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_an_index_without_advisories_has_audited_nothing(audit, index):
    status, said = audit(index(holes=()))
    assert status == 2 and "not audited: no advisories reachable" in said and "no known" not in said


def test_an_index_that_cannot_be_reached_has_audited_nothing(audit, index):
    assert audit(index(holes=("jinja2",), status=503))[0] == 2
    status, said = audit("http://127.0.0.1:9/v1/query")
    assert status == 2 and "not audited: no advisories reachable" in said


def test_where_holes_are_known_none_of_ours_is_told(audit, index):
    status, said = audit(index(holes=("jinja2",)))
    assert status == 0 and "1 packages looked up, no known holes" in said


def test_a_hole_of_ours_is_told(audit, index):
    status, said = audit(index(holes=("jinja2", "thing")))
    assert status == 1 and "thing 1.0: PYSEC-0000-1" in said
