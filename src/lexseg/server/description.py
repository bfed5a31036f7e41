"""The server described for programs: OpenAPI, with who may ask and what every route may refuse."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lexseg.server.settings import Settings

_OPEN = ("/healthz", "/readyz")
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "the server's token, or NAME:TOKEN of a named one",
}


def describe(app: FastAPI, settings: Settings) -> None:
    """Have the application say what it is by OpenAPI.

    Args:
        app: that is described.
        settings: of the server; only one with tokens asks for them.
    """

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, bool(settings.known_tokens))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI, guarded: bool) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    if guarded:
        schema["components"]["securitySchemes"] = {"token": _BEARER}
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)  # FastAPI's own form, which ours takes the place of
            if guarded and path not in _OPEN:
                operation["security"] = [{"token": []}]
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    return schema


def binary(*types: str) -> dict[int | str, dict[str, Any]]:
    """What FastAPI is to say of a route that answers with a file of one of these media types."""
    content = {type_: {"schema": {"type": "string", "format": "binary"}} for type_ in types}
    return {200: {"description": "the file", "content": content}}
