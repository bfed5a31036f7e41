"""What may be done at an address: HEAD wherever GET is, and the others told where one is refused."""

import re

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Answers HEAD as GET, without the answer's body.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, without_body)
        finally:
            scope.update({key: asked[key] for key in ("route", "endpoint") if key in asked})  # the log asks for them


def allowed(app: FastAPI, path: str) -> list[str]:
    """The methods that there are at an address of the API, in the order of the alphabet; none at any other."""
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
            there_are = {method.upper() for method in operations}
            return sorted(there_are | ({"HEAD"} if "GET" in there_are else set()))
    return []
