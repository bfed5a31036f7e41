"""What is logged: that something was asked and how it went, never what about whom.

Paths hold ids, queries and bodies hold words and pixels, and messages of errors may quote any of them; none of it is
logged. Of a fault the log has the class and the places in our code.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lexseg.server.refusal import Refusal, respond

_log = logging.getLogger("lexseg.server")
_access = logging.getLogger("lexseg.server.access")
_RESTART = 30  # seconds until a server is likely to run again
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Watch = Callable[[str, str, int, float], None]


def trace_of(error: BaseException) -> str:
    """The class of an error and where it was raised, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename.rpartition('/lexseg/')[2]}:{frame.lineno}" for frame in reversed(frames[-8:]))
    return f"{type(error).__name__} at {places}"


def route_of(scope: Scope) -> str:
    """The route's own form, such as ``/v1/images/{id}``; of what is no route of ours, a word for it."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str) and path:
        return path
    return "page" if scope.get("endpoint") else "other"


def method_of(scope: Scope) -> str:
    """The method, of those that there are: clients may send any word."""
    return str(scope["method"]) if scope["method"] in _METHODS else "other"


class Sent:
    """Sends an answer on, and keeps its status; 0 until it has begun.

    Args:
        send: the server's.
    """

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        await self._send(message)


class AccessLog:
    """Logs each request, and turns faults into an answer that tells nothing.

    Args:
        app: what answers.
        watch: told each request's route, method, status and seconds.
    """

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app, self._watch = app, watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, sent = time.perf_counter(), Sent(send)
        try:
            await self._app(scope, receive, sent)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            # the server is being stopped, and has waited as long as it does; there is no loop to go back to
            if not sent.status:
                told = "the server is being stopped before it could answer; ask again once it runs"
                await respond(Refusal(503, "stopping", told, retry=_RESTART), sent)
        except Exception as error:
            _log.error("a fault: %s", trace_of(error))
            if not sent.status:
                await respond(Refusal(500, "fault", "a fault of the server; its log says more"), sent)
        finally:
            seconds = time.perf_counter() - began
            route, method, status = route_of(scope), method_of(scope), sent.status or 499
            self._watch(route, method, status, seconds)
            _access.info("%s %s %d %.0f ms", method, route, status, seconds * 1000)
