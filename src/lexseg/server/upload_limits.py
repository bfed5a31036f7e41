"""How long and how much a client may send: bodies are counted and timed while they come."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lexseg.server.refusal import Refusal, respond
from lexseg.server.settings import MEGABYTE, Settings
from lexseg.server.upload import upload_too_large

_FORM_BYTES = 2 * MEGABYTE  # what a form's own lines may add to its files, which are counted by themselves
_LETTER_BYTES = 12  # of a letter in JSON at most: two escapes of six
_JSON_BYTES = 10_000  # what a question has besides its letters


class UploadLimits:
    """Ends requests whose body is too long, or comes too slowly.

    Args:
        app: what answers.
        settings: of the server.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._times, self._limits = app, settings.times, settings.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope)
        refusal: Refusal | None = None
        came, ended, answered = 0, False, False
        deadline = time.monotonic() + self._times.upload
        declared = Headers(scope=scope).get("content-length")
        if declared is not None and declared.isdigit() and int(declared) > most:
            refusal = self._too_long(scope)

        async def counted() -> Message:
            nonlocal refusal, came, ended
            if refusal is not None:
                raise refusal
            if ended:
                return await receive()  # waits for the client to leave
            try:
                async with asyncio.timeout(min(self._times.body, deadline - time.monotonic())):
                    message = await receive()
            except TimeoutError:
                refusal = Refusal(408, "too_slow", "the request came too slowly, and was given up")
                raise refusal from None
            came += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if came > most:
                refusal = self._too_long(scope)
                raise refusal
            return message

        async def checked(message: Message) -> None:
            nonlocal answered
            if refusal is not None and not answered:
                return  # whatever the application makes of it, the client is told this
            answered = True
            await send(message)

        if refusal is None:
            try:
                await self._app(scope, counted, checked)
            except Exception:
                if refusal is None or answered:
                    raise
        if refusal is not None and not answered:
            waits = bool(Headers(scope=scope).get("expect")) and not came
            await respond(refusal, send, rest=None if ended or waits else receive)

    def _most(self, scope: Scope) -> int:
        if scope["path"] == "/v1/images":
            return self._limits.upload_bytes + _FORM_BYTES
        letters = max(self._limits.report_letters, self._limits.sentences * self._limits.sentence_letters)
        return _LETTER_BYTES * letters + _JSON_BYTES

    def _too_long(self, scope: Scope) -> Refusal:
        if scope["path"] == "/v1/images":
            return upload_too_large(self._limits)
        return Refusal(413, "too_large", f"the request is larger than the {self._most(scope):,} bytes that are taken")
