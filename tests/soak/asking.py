"""Requests that hypothesis makes up, written to the socket as they are, and what may be answered.

What is held: every answer that is no success is a 4xx with a reason, and whatever was sent, the server goes on.
"""

import http.client
import json
import socket
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from odd_requests import Request, requests
from uploading import Fault, check_refusal

WAIT = 60.0
"""Seconds for an answer."""


def check(port: int, request: Request) -> str:
    """Send a request, and look at the answer: its status, or ``none``.

    Raises:
        Fault: if it is not as it must be.
    """
    data = request.target if request.method == "\0" else request.raw()
    # where more is waited for, the client says that there is no more: nobody is answered then
    half = request.half or request.method == "\0" or any(name == b"content-length" for name, _ in request.headers)
    status, headers, body = exchange(port, data, request.method, half=half)
    if status is None:
        if not half:
            raise Fault("no answer")
        return "none"
    if status < 200:
        raise Fault(f"status {status}")
    if status >= 400 and request.method != "HEAD":
        check_refusal(status, body)
    elif status >= 500:
        raise Fault(f"status {status}")
    if status == 201 and request.target.startswith(b"/v1/images"):
        exchange(port, Request("DELETE", f"/v1/images/{json.loads(body)['id']}".encode()).raw(), "DELETE")
    if "access-control-allow-origin" in headers:
        raise Fault("other sites are let in")
    return str(status)


def exchange(port: int, data: bytes, method: str, *, half: bool = False) -> tuple[int | None, dict[str, str], bytes]:
    """Send bytes, and if ``half`` say that no more come; gives status, headers and body, ``None`` if there are none."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as connection:
        try:
            connection.sendall(data)
            if half:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it may have refused before it had all
        answer = http.client.HTTPResponse(connection, method=method if method != "\0" else "GET")
        try:
            answer.begin()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        except TimeoutError:
            raise Fault(f"no answer in {WAIT:g} s") from None
        except (http.client.HTTPException, OSError):
            return None, {}, b""


def ask(port: int, image: str, result: str, count: int, number: int, seen: Callable[[str], None]) -> None:
    """Send requests.

    Args:
        port: of the server.
        image: id of an image that is open.
        result: id of a result of it.
        count: how many.
        number: tells which: the same number makes the same requests.
        seen: told each answer's status.

    Raises:
        Fault: with the smallest request that shows what is wrong; hypothesis prints it.
    """

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(image, result))
    def every_answer_is_in_order(request: Request) -> None:
        seen(check(port, request))

    every_answer_is_in_order()
