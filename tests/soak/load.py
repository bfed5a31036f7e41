"""Load a server as many users at once would, and see whether it holds.

Starts ``lexseg serve`` with the bundled model, asks with one client for a while (the service time of a single stream),
then with many in a closed loop: each asks again as soon as it is answered. Every client uploads a real image and asks
it many sentences, fetches a mask now and then, closes the image and opens another.

    python tests/soak/load.py --clients 32 --seconds 120
"""

import argparse
import hashlib
import http.client
import json
import math
import os
import random
import secrets
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

READY = 300.0  # seconds until a server answers
SETTLED = 10.0  # seconds after which memory may grow no more ...
GROWTH = 1.10  # ... than to this
SLOWER = 1.3  # times clients x service time that the median latency may be
_WHERE = ("left lung", "right lung", "upper left lung", "lower right lung", "both lungs", "lower left zone")
_WHAT = (
    "infection",
    "opacity",
    "bilateral infected areas",
    "round mass",
    "irregular hypoechoic lesion",
    "no nodule but a polyp",
)


def example_images() -> list[Path]:
    """The real images that come with the package."""
    return sorted((Path(str(files("lexseg"))) / "assets" / "examples" / "images").glob("*.png"))


class Client:
    """One user with one connection. Attributes: token, tls: that all of them bring (:func:`secured`)."""

    token: str | None = None
    tls: ssl.SSLContext | None = None

    def __init__(self, port: int) -> None:
        self._connection = (
            http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            if self.tls is None
            else http.client.HTTPSConnection("127.0.0.1", port, timeout=120, context=self.tls)
        )
        self._headers = {"authorization": f"Bearer {self.token}"} if self.token else {}

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        headers = self._headers | ({"content-type": kind} if kind else {})
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def upload(self, *paths: Path, **fields: str) -> tuple[int, Any]:
        parts = [(f'name="file"; filename="{path.name}"', path.read_bytes()) for path in paths]
        parts += [(f'name="{name}"', value.encode()) for name, value in fields.items()]
        lines = [b"--edge\r\ncontent-disposition: form-data; %b\r\n\r\n%b\r\n" % (h.encode(), b) for h, b in parts]
        status, answer = self.call(
            "POST", "/v1/images", b"".join(lines) + b"--edge--\r\n", "multipart/form-data; boundary=edge"
        )
        return status, json.loads(answer)

    def segment(self, id_: str, **asked: Any) -> tuple[int, Any]:
        status, answer = self.call("POST", f"/v1/images/{id_}/segment", json.dumps(asked).encode(), "application/json")
        return status, json.loads(answer)


@dataclass
class Seen:
    """What the clients saw. Attributes: seconds: of each answered question; errors: what went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def use(port: int, until: float, seed: int, seen: Seen, questions: float = math.inf) -> None:
    """Behave as a user until the time has come, or so many questions are answered."""
    chance, client = random.Random(seed), Client(port)
    images = example_images()

    def expect(status: int, wanted: int, what: str) -> None:
        if status != wanted:
            seen.errors.append(f"{what}: {status} instead of {wanted}")

    try:
        while time.monotonic() < until and len(seen.seconds) < questions:
            status, image = client.upload(chance.choice(images))
            expect(status, 201, "upload")
            if status != 201:
                continue
            for number in range(chance.randrange(20, 60)):
                if time.monotonic() >= until or len(seen.seconds) >= questions:
                    break
                text = f"{chance.choice(_WHAT)} in the {chance.choice(_WHERE)}, {chance.randrange(1, 40)} mm"
                began = time.perf_counter()
                status, answer = client.segment(image["id"], sentences=[text])
                seen.seconds.append(time.perf_counter() - began)
                expect(status, 200, "segment")
                if status == 200 and number % 10 == 0:
                    expect(client.call("GET", answer["results"][0]["links"]["mask"])[0], 200, "mask")
            expect(client.call("DELETE", f"/v1/images/{image['id']}")[0], 204, "close")
    except Exception as error:
        seen.errors.append(f"{type(error).__name__}: {error}")


def run_clients(port: int, clients: int, seconds: float = math.inf, questions: float = math.inf) -> Seen:
    """Have clients use the server at once, for so long or for so many questions each; gives what all of them saw."""
    seen = [Seen() for _ in range(clients)]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=use, args=(port, until, i, each, questions)) for i, each in enumerate(seen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Seen([s for each in seen for s in each.seconds], [e for each in seen for e in each.errors])


def tree_bytes(pid: int) -> int:
    """The memory that a process and its children hold in RAM."""
    total = 0
    for each in family(pid):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            continue
    return total


def family(pid: int) -> list[int]:
    """A process, its children, and theirs."""
    found = [pid]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(child) for child in path.read_text().split()]
            except OSError:
                continue
    return found


class Scale:
    """Weighs a process twice a second, in a thread of its own."""

    def __init__(self, pid: int) -> None:
        self.weights: list[tuple[float, int]] = []
        self._pid, self._began, self._end = pid, time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._weigh)

    def __enter__(self) -> "Scale":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def growth(self, settled: float) -> float:
        """The most that it weighed after ``settled`` seconds, as a share of what it weighed by then."""
        before = [weight for at, weight in self.weights if at <= settled]
        after = [weight for at, weight in self.weights if at > settled]
        return max(after, default=0) / max(before) if before and after else 1.0

    def _weigh(self) -> None:
        while not self._end.wait(0.5):
            self.weights.append((time.monotonic() - self._began, tree_bytes(self._pid)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(state: Path, *options: str, port: int | None = None) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """A server of its own, ready to answer; its process and its port."""
    port = port or free_port()
    command = [sys.executable, "-m", "lexseg", "serve", "--port", str(port), "--state", str(state), *options]
    log = state / "log"
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        until = time.monotonic() + READY
        while time.monotonic() < until:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}: {log.read_text()}")
            with suppress(OSError):
                if Client(port).call("GET", "/readyz")[0] == 200:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError("the server does not answer")
        yield process, port
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def secured(folder: Path) -> Iterator[list[str]]:
    """Options of a server with TLS, named tokens and an audit log; all clients speak to it so until the block ends."""
    certificate, key, table = folder / "cert.pem", folder / "key.pem", folder / "tokens"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lexseg -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    token = secrets.token_urlsafe(32)
    table.write_text(f"load writer {hashlib.sha256(token.encode()).hexdigest()}\n")
    for path in (key, table):
        path.chmod(0o600)
    Client.token, Client.tls = f"load:{token}", ssl.create_default_context(cafile=certificate)
    try:
        given = {"tls-cert": certificate, "tls-key": key, "tokens": table, "audit-log": folder / "audit.jsonl"}
        yield [word for option, path in given.items() for word in (f"--{option}", str(path))]
    finally:
        Client.token = Client.tls = None


def load(pid: int, port: int, clients: int, seconds: float, alone: float, settled: float = SETTLED) -> dict[str, Any]:
    """Load a server.

    Args:
        pid: of its process.
        port: where it listens.
        clients: that use it at once.
        seconds: for how long.
        alone: seconds with a single client, half of them before and half of them after the others.
        settled: seconds after which memory may grow no more.

    Returns:
        what was measured, and as ``wrong`` what of it is not as it must be.
    """
    run_clients(port, 1, min(alone, 2.0))  # what is slow only once
    busy = os.getloadavg()[0]
    before = run_clients(port, 1, alone / 2)
    with Scale(pid) as scale:
        many = run_clients(port, clients, seconds)
    after = run_clients(port, 1, alone / 2)
    growth = scale.growth(settled)
    singles = [statistics.median(each.seconds) for each in (before, after)]
    service, latency = statistics.median(before.seconds + after.seconds), statistics.median(many.seconds)
    allowed = SLOWER * clients * service
    errors = [*before.errors, *many.errors, *after.errors]
    wrong = errors[:10]
    wrong += [f"a median latency of {latency:.3f} s, above {allowed:.3f} s"] if latency > allowed else []
    wrong += [f"memory grew to {growth:.2f} of what it was after {settled:g} s"] if growth > GROWTH else []
    return {
        "clients": clients,
        "seconds": seconds,
        "answers": len(many.seconds),
        "errors": len(errors),
        "single_stream_ms": round(1000 * service, 1),
        "single_stream_before_and_after_ms": [round(1000 * each, 1) for each in singles],
        "median_ms": round(1000 * latency, 1),
        "p95_ms": round(1000 * statistics.quantiles(many.seconds, n=20)[18], 1),
        "share_of_clients_x_single": round(latency / (clients * service), 3),
        "memory_mb": [round(w / 1e6) for _, w in scale.weights[:: max(1, len(scale.weights) // 12)]],
        "memory_growth": round(growth, 3),
        "load_of_the_machine_before": round(busy, 2),
        "wrong": wrong,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Load a server as many users at once would, and see whether it holds.")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--alone", type=float, default=10, help="seconds with a single client")
    parser.add_argument("--plain", action="store_true", help="without TLS, tokens and audit log")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        with ExitStack() as stack:
            options = [] if args.plain else stack.enter_context(secured(Path(state)))
            process, port = stack.enter_context(served(Path(state), *options))
            measured = load(process.pid, port, args.clients, args.seconds, args.alone)
        if "ERROR" in (log := (Path(state) / "log").read_text()):
            measured["wrong"].append("the log tells of a fault: " + log[log.index("ERROR") :][:500])
    print(json.dumps(measured, indent=2))
    return 1 if measured["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
