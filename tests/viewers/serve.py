"""An Orthanc with DICOMweb and the OHIF viewer before it, each on a free port of this machine, until Ctrl-C.

Both are for trying out: what is put into them is gone when they stop.
"""

import contextlib
import http.client
import posixpath
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import urllib.parse
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pacs.orthanc import Orthanc, running

HERE = Path(__file__).resolve().parent
OHIF = HERE / "node_modules" / "@ohif" / "app" / "dist"
PROGRAMS = ("/usr/sbin/Orthanc", "/usr/bin/Orthanc")
PLUGINS = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/lib/orthanc/libOrthancDicomWeb.so")
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".ico": "image/x-icon",
}
_PASSED = ("Accept", "Accept-Encoding", "Host")  # by the host Orthanc names addresses, which thus lead back to us
_RETURNED = ("Content-Type", "Content-Encoding")


@dataclass(frozen=True)
class Viewers:
    """What runs. Attributes: orthanc; ohif: its address."""

    orthanc: Orthanc
    ohif: str

    def viewer(self, study: str) -> str:
        """The address of a study in OHIF."""
        return f"{self.ohif}/viewer?StudyInstanceUIDs={study}"


class _Viewer(BaseHTTPRequestHandler):
    """OHIF's files, and what it asks of the PACS, passed on with the name and password."""

    protocol_version = "HTTP/1.1"
    orthanc: Orthanc

    def do_GET(self) -> None:
        # a page of another site, whose name was made to lead here, is none that may read
        if self.headers.get("Host") != f"127.0.0.1:{self.server.server_address[1]}":
            self._answer(403, b"", "text/plain")
        elif self.path.startswith("/dicom-web/"):
            self._pass_on()
        else:
            self._file(urllib.parse.urlsplit(self.path).path)

    def _file(self, path: str) -> None:
        if path == "/app-config.js":
            self._answer(200, (HERE / "app-config.js").read_bytes(), _KINDS[".js"])
            return
        wanted = OHIF / posixpath.normpath(urllib.parse.unquote(path)).lstrip("/")
        # addresses within OHIF, such as /viewer, are no files
        found = wanted if wanted.is_file() and wanted.resolve().is_relative_to(OHIF.resolve()) else OHIF / "index.html"
        self._answer(200, found.read_bytes(), _KINDS.get(found.suffix, "application/octet-stream"))

    def _pass_on(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.orthanc.port, timeout=60)
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        headers["Authorization"] = "Basic " + b64encode(":".join(self.orthanc.user).encode()).decode()
        with contextlib.closing(connection):
            connection.request("GET", self.path, headers=headers)
            said = connection.getresponse()
            returned = {name: said.headers[name] for name in _RETURNED if name in said.headers}
            self._answer(said.status, said.read(), returned.pop("Content-Type", "application/octet-stream"), returned)

    def _answer(self, status: int, body: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Addresses name patients' studies: nothing is logged."""


@contextlib.contextmanager
def viewing(orthanc: Orthanc) -> Iterator[Viewers]:
    """OHIF before an Orthanc that runs."""
    handler = type("Viewer", (_Viewer,), {"orthanc": orthanc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Viewers(orthanc, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


def main() -> int:
    """Start both, say where they are, and stop both."""
    program = shutil.which("Orthanc") or next((p for p in PROGRAMS if Path(p).is_file()), None)
    plugin = next((Path(p) for p in PLUGINS if Path(p).is_file()), None)
    if program is None or plugin is None:
        return _refused("Orthanc", "apt-get install --no-install-recommends orthanc orthanc-dicomweb")
    if not OHIF.is_dir():
        return _refused("OHIF", f"npm ci --ignore-scripts --prefix {HERE}")
    user = "lexseg", secrets.token_urlsafe(9)
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    with (
        tempfile.TemporaryDirectory(prefix="lexseg-viewers-") as folder,
        running((Path(program), plugin), Path(folder), dict([user])) as orthanc,
        viewing(orthanc) as viewers,
    ):
        print(f"OHIF     {viewers.ohif}")
        print(f"Orthanc  http://127.0.0.1:{orthanc.port}  (user {user[0]}, password {user[1]})")
        print("Both answer this machine alone, and forget all images when they stop: Ctrl-C. For another terminal:")
        print(f"export PACS={orthanc.url} LEXSEG_PACS_USER={user[0]} LEXSEG_PACS_PASSWORD={user[1]}", flush=True)
        while not stopped.wait(1):
            if orthanc.process.poll() is not None:
                print("Orthanc has stopped", file=sys.stderr)
                return 1
    return 0


def _refused(what: str, how: str) -> int:
    print(f"{what} is not installed: {how}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
