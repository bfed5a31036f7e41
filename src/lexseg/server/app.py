"""The application: parts, routes and page put together."""

import contextlib
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from lexseg._version import __version__
from lexseg.predict.answered import NOTE
from lexseg.predict.segmenter import Segmenter
from lexseg.server import about, corrections, routes, teaching
from lexseg.server.audit import Audited, AuditLog
from lexseg.server.description import describe
from lexseg.server.log import AccessLog
from lexseg.server.methods import Heads, allowed
from lexseg.server.metrics import Metrics
from lexseg.server.opening import Opening
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


def create_app(
    settings: Settings,
    segmenter: Segmenter | None = None,
    *,
    opened: Callable[[Service], None] | None = None,
    failed: Callable[[Exception], None] | None = None,
) -> FastAPI:
    """The application, for any ASGI server.

    Args:
        settings: what it is told.
        segmenter: a model that is loaded already; ``None`` loads that of the settings once the server listens, which
            says until then that it is not ready.
        opened: told the service once it answers.
        failed: told why it never will, as when the model cannot be loaded.
    """
    metrics = Metrics()
    opening = Opening(settings, metrics, opened, failed)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opening.running(segmenter):
            yield

    app = FastAPI(
        title="LexSeg",
        version=__version__,
        description=f"An image and a sentence in, a mask out. {NOTE}",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.metrics, app.state.opening = metrics, opening
    app.include_router(routes.router)
    app.include_router(corrections.router)
    app.include_router(teaching.router)
    app.include_router(about.router)
    describe(app, settings)

    def answer(refusal: Refusal) -> Response:
        metrics.refusal(refusal.code)
        return Response(refusal.body(), refusal.status, refusal.headers())

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return answer(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(Refusal(422, "invalid", problems(list(error.errors()))))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status, why = error.status_code, str(error.detail)
        there_are = allowed(app, request.url.path)
        if there_are and request.method not in there_are:
            status, why = 405, "Method Not Allowed"  # and not what the page's files say of such an address
        told = Refusal(status, _CODES.get(status, "error"), why)
        told.allow = (there_are or ["GET", "HEAD"]) if status == 405 else []
        return answer(told)

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    page = Path(str(files("lexseg"))) / "server" / "page"
    if settings.page and page.is_dir():
        app.mount("/", _Page(directory=page, html=True), name="page")
    # the last one is asked first
    app.add_middleware(Heads)
    app.add_middleware(UploadLimits, settings=settings)
    app.add_middleware(Guard, settings=settings, opening=opening, metrics=metrics)
    log = None if settings.audit is None else AuditLog(settings.audit)
    app.add_middleware(Audited, settings=settings, log=log, lost=metrics.unaudited)
    app.add_middleware(AccessLog, watch=metrics.request)
    return app
