"""The application: parts, routes and page put together."""

import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from lexseg._version import __version__
from lexseg.outputs.description import NOTE
from lexseg.predict.segmenter import Segmenter
from lexseg.server import about, corrections, routes
from lexseg.server.log import AccessLog
from lexseg.server.metrics import Metrics
from lexseg.server.refusal import Refusal
from lexseg.server.schemas import problems
from lexseg.server.security import Guard
from lexseg.server.service import Service
from lexseg.server.settings import Settings
from lexseg.server.upload_limits import UploadLimits

_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}


class _Page(StaticFiles):
    """The page's files, small ones, always sent whole: what else is said of ranges is no refusal of ours."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"range", b"if-range")]
        await super().__call__({**scope, "headers": headers}, receive, send)


def create_app(settings: Settings, segmenter: Segmenter | None = None) -> FastAPI:
    """The application, for any ASGI server.

    Args:
        settings: what it is told.
        segmenter: a model that is loaded already; ``None`` loads that of the settings when it starts.
    """
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Service.running(settings, segmenter, metrics) as service:
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
    app.state.metrics = metrics
    app.include_router(routes.router)
    app.include_router(corrections.router)
    app.include_router(about.router)

    def answer(refusal: Refusal) -> Response:
        metrics.refusal(refusal.code)
        return Response(refusal.body(), refusal.status, refusal.headers())

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return answer(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(Refusal(422, "invalid", problems(list(error.errors()))))

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(Refusal(error.status_code, _CODES.get(error.status_code, "error"), str(error.detail)))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    page = Path(str(files("lexseg"))) / "server" / "page"
    if settings.page and page.is_dir():
        app.mount("/", _Page(directory=page, html=True), name="page")
    # the last one is asked first
    app.add_middleware(UploadLimits, settings=settings)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(AccessLog, watch=metrics.request)
    return app
