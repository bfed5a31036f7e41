"""The application: parts, routes and page put together."""

import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from lexseg import __version__
from lexseg.inference.results import NOTE
from lexseg.inference.segmenter import Segmenter
from lexseg.server.refusal import Refusal
from lexseg.server.routes import router
from lexseg.server.schemas import problems
from lexseg.server.service import Service
from lexseg.server.settings import Settings


def create_app(settings: Settings, segmenter: Segmenter | None = None) -> FastAPI:
    """The application, for any ASGI server.

    Args:
        settings: what it is told.
        segmenter: a model that is loaded already; ``None`` loads that of the settings when it starts.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Service.running(settings, segmenter) as service:
            app.state.service = service
            yield

    app = FastAPI(
        title="LexSeg",
        version=__version__,
        description=f"An image and a sentence in, a mask out. {NOTE}",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere
        redoc_url=None,
    )
    app.include_router(router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    page = Path(str(files("lexseg"))) / "server" / "page"
    if settings.page and page.is_dir():
        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app


def _answer(refusal: Refusal) -> Response:
    return Response(refusal.body(), refusal.status, refusal.headers())


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _answer(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(Refusal(422, "invalid", problems(list(error.errors()))))


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
    return _answer(Refusal(error.status_code, codes.get(error.status_code, "error"), str(error.detail)))
