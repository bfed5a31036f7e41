"""A real server for tests: on a socket, in this process, with a client that is no browser."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lexseg.server.settings import Times

PATIENT = Times(read=60, head=600, body=600, upload=600, write=600, answer=600)
"""A server that gives nobody up because the machine is busy; a test of its patience says how little it has."""
EXAMPLES = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images"
FILM = EXAMPLES / "cxr_00027426_000.png"


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a refusal; its message must be there too."""
        assert self.json["error"]["message"], self.body
        return self.json["error"]["code"]


@dataclass
class Site:
    """A server that runs. Attributes: service: its parts, for what cannot be seen from outside."""

    port: int
    service: Any
    token: str | None = None
    opened: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = self._connection()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            given.setdefault("authorization", f"Bearer {self.token}")
        try:
            connection.request(method, path, body, given)
            said = connection.getresponse()
            return Answer(said.status, {k.lower(): v for k, v in said.getheaders()}, said.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.tls)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, **values: Any) -> Answer:
        return self.call("POST", path, json.dumps(values).encode(), content_type="application/json")

    def send(self, *files: Path | bytes, **fields: str) -> Answer:
        """Upload files by their paths or their bytes."""
        body, kind = form(*files, **fields)
        answer = self.call("POST", "/v1/images", body, content_type=kind)
        if answer.status == 201:
            self.opened.append(answer.json["id"])
        return answer

    def open(self, *files: Path | bytes, **fields: str) -> dict[str, Any]:
        """Upload what must be taken."""
        answer = self.send(*files, **fields)
        assert answer.status == 201, answer.body
        return answer.json

    def ask(self, image: dict[str, Any], *sentences: str, **more: Any) -> list[dict[str, Any]]:
        """Ask what must be answered."""
        answer = self.post(f"/v1/images/{image['id']}/segment", sentences=list(sentences), **more)
        assert answer.status == 200, answer.body
        return answer.json["results"]

    def wait(self, job: dict[str, Any], *states: str, seconds: float = 120) -> dict[str, Any]:
        """The job once it is in one of the states."""
        until(lambda: self.get(f"/v1/jobs/{job['id']}").json["state"] in states, seconds)
        return self.get(f"/v1/jobs/{job['id']}").json

    def raw(self, data: bytes, *, seconds: float = 60) -> bytes:
        """Send bytes as they are; gives what comes until the server closes, or the time is over."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            said = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                while piece := connection.recv(65536):
                    said += piece
            return said


def until(holds: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something that must come about; a busy machine may take its time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def processor_seconds(pid: int) -> float:
    """What a process has worked, by its own clock: that stands still while a busy machine does something else."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def form(*files: Path | bytes, name: str = "film.png", **fields: str) -> tuple[bytes, str]:
    """A form as browsers send it: its body and its type."""
    contents = [file if isinstance(file, bytes) else file.read_bytes() for file in files]
    parts = [(f'name="file"; filename="{name}"', content) for content in contents]
    parts += [(f'name="{key}"', value.encode()) for key, value in fields.items()]
    body = b"".join(b"--edge\r\ncontent-disposition: form-data; %b\r\n\r\n%b\r\n" % (h.encode(), c) for h, c in parts)
    return body + b"--edge--\r\n", "multipart/form-data; boundary=edge"


@contextlib.contextmanager
def site(segmenter: Any, **settings: Any) -> Iterator[Site]:
    """A server with some settings."""
    import uvicorn

    from lexseg.server.app import create_app
    from lexseg.server.protocol import patient_protocol
    from lexseg.server.settings import Settings

    told = Settings(**{"readers": 1, "times": PATIENT} | settings)
    app = create_app(told, segmenter)
    protocol = patient_protocol(told.times)
    keys = {"ssl_certfile": told.tls_certificate, "ssl_keyfile": told.tls_key}
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, ws="none", http=protocol, **keys)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        assert thread.is_alive(), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        tls = ssl.create_default_context(cafile=told.tls_certificate) if told.tls_certificate else None
        yield Site(port, app.state.opening.service, told.token, tls=tls)
    finally:
        server.should_exit = True
        thread.join(120)
        assert not thread.is_alive(), "the server did not stop"
