"""A small HTTP server between client and PACS that does to their traffic what hospitals' networks do."""

import contextlib
import http.client
import http.server
import re
import ssl
import subprocess
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What happens to the next ``times`` requests of a method whose path matches; one of these kinds:

    status: the PACS is not asked, and this status is answered
    drop: the connection is closed without an answer, and the PACS is not asked
    lose: the PACS is asked, and its answer is lost
    cut: half of the PACS's answer arrives
    slow: the answer comes after ``seconds``
    """

    kind: str
    method: str = "GET"
    path: str = ""
    times: int = 1
    status: int = 503
    seconds: float = 0.0
    headers: tuple = ()
    body: bytes = b"no"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients that leave in the middle are what is tested."""


class Between:
    """Forwards to the PACS at ``port``. ``requests``: (method, path) of all that came; ``faults``: what is to fail."""

    def __init__(self, port, context=None):
        self.requests, self.faults, self.headers = [], [], []
        self._over = threading.Event()
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                between._answer(self, port)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}/dicom-web"

    def fail(self, kind, method="GET", path="", **how):
        self.faults.append(Fault(kind, method, path, **how))

    def asked(self, method, path=""):
        """Paths of the requests of a method so far."""
        return [p for m, p in self.requests if m == method and re.search(path, p)]

    def _next_fault(self, method, path):
        for fault in self.faults:
            if fault.times and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return Fault("none")

    def _answer(self, handler, port):
        parts = urlsplit(handler.path)  # a whole URL where we are asked as a proxy
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.command, handler.path))
        self.headers.append(dict(handler.headers))
        fault = self._next_fault(handler.command, path)
        if fault.kind == "drop":
            return self._close(handler)
        if fault.kind == "status":
            return self._send(handler, fault.status, fault.headers, fault.body)
        if fault.kind == "slow":
            self._over.wait(fault.seconds)
        pacs = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        pacs.request(handler.command, path, body, {k: v for k, v in handler.headers.items() if k != "Host"})
        answer = pacs.getresponse()
        content = answer.read()
        pacs.close()
        if fault.kind == "lose":
            return self._close(handler)
        kept = ("content-type", "content-encoding", "www-authenticate")
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() in kept]
        self._send(handler, answer.status, headers, content, half=fault.kind == "cut")

    @staticmethod
    def _send(handler, status, headers, content, half=False):
        with contextlib.suppress(OSError):  # the client may be gone
            handler.send_response(status)
            for name, value in headers:
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content[: len(content) // 2] if half else content)
        handler.close_connection = handler.close_connection or half

    @staticmethod
    def _close(handler):
        handler.close_connection = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


def self_signed(openssl, folder):
    """A certificate for 127.0.0.1 that nobody has signed: (context of a server, file of the certificate)."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ["-subj", "/CN=pacs", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = [openssl, "req", "-x509", *curve, *names, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate
