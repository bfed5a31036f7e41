"""What a client is told whose request cannot be answered."""

import asyncio
import contextlib
import errno
import json
from typing import Any

from starlette.types import Receive, Send

from lexseg.outputs.wording import for_clients

_DRAINED = 2.0  # seconds


class Refusal(Exception):
    """A request that is not answered, and why.

    Args:
        status: of HTTP.
        code: for programs, such as ``too_large``.
        message: for people: what was wrong and what to do.
        more: further values of the answer's ``error``.
        retry: seconds after which asking again may help.
    """

    def __init__(self, status: int, code: str, message: str, *, retry: int | None = None, **more: Any) -> None:
        message = for_clients(message)
        super().__init__(message)
        self.status, self.code, self.message, self.retry, self.more = status, code, message, retry, more
        self.allow: list[str] = []  # the methods that there are, where one is refused

    def body(self) -> bytes:
        """What a client is told: code and message, as JSON."""
        return json.dumps({"error": {"code": self.code, "message": self.message} | self.more}).encode()

    def headers(self) -> dict[str, str]:
        """The answer's headers, its type among them."""
        headers = {"content-type": "application/json"}
        if self.retry is not None:
            headers["retry-after"] = str(self.retry)
        if self.allow:
            headers["allow"] = ", ".join(self.allow)
        if self.status == 401:
            headers["www-authenticate"] = 'Bearer realm="lexseg"'
        return headers


def disk_full(error: BaseException) -> Refusal | None:
    """What to say where an error means that the disk is full; ``None`` for any other error."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return Refusal(507, "disk_full", "the server's disk is full; close images, or try again later", retry=60)


async def respond(refusal: Refusal, send: Send, *, rest: Receive | None = None) -> None:
    """Send a refusal.

    Args:
        refusal: what to say.
        send: to the client.
        rest: the request's body where it was not read to its end. It is taken for a moment and thrown away, as clients
            read nothing before they have sent all; then the connection is closed.
    """
    body = refusal.body()
    headers = refusal.headers() | {"content-length": str(len(body)), "cache-control": "no-store"}
    if rest is not None:
        headers["connection"] = "close"
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    if rest is None:
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAINED):
            while (message := await rest()).get("more_body") and message["type"] == "http.request":
                pass
    await send({"type": "http.response.body", "body": b""})
