"""From the open port to a server that answers: what belongs to it is loaded while it says already that it is coming."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable

from lexseg.errors import LexSegError
from lexseg.predict.segmenter import Segmenter
from lexseg.server.log import trace_of
from lexseg.server.metrics import Metrics
from lexseg.server.refusal import Refusal
from lexseg.server.service import Service
from lexseg.server.settings import Settings

_log = logging.getLogger("lexseg.server")
_AGAIN = 3  # seconds


class Opening:
    """Loads the model and starts what works beside it, in the background.

    Args:
        settings: of the server.
        metrics: what Prometheus is told.
        opened: told the service once it answers.
        failed: told why it never will.

    Attributes:
        service: the parts of the server; ``None`` until it answers.
        failure: why it never will.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        opened: Callable[[Service], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.service: Service | None = None
        self._settings, self._metrics, self._opened, self._failed = settings, metrics, opened, failed
        self.failure: Exception | None = None

    def ready(self) -> Service:
        """The service, once its model is loaded.

        Raises:
            Refusal: if it is not there yet, or could not be made.
        """
        if self.failure is not None:
            raise Refusal(503, "no_model", "the server could not load its model, and answers nothing; its log says why")
        if self.service is None:
            raise Refusal(503, "starting", "the server is loading its model; ask again in a moment", retry=_AGAIN)
        return self.service

    @contextlib.asynccontextmanager
    async def running(self, segmenter: Segmenter | None) -> AsyncIterator[None]:
        """Open, and close when the block ends. A model that is loaded already is waited for, as it takes no time."""
        ended = asyncio.Event()
        work = asyncio.create_task(self._work(segmenter, ended))
        try:
            while segmenter is not None and self.service is None and not work.done():
                await asyncio.sleep(0.01)
            if segmenter is not None and self.failure is not None:
                raise self.failure
            yield
        finally:
            ended.set()
            if self.service is None:
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def _work(self, segmenter: Segmenter | None, ended: asyncio.Event) -> None:
        try:
            asked = await _in_daemon(self._load) if segmenter is None else segmenter
            async with Service.running(self._settings, asked, self._metrics) as service:
                self.service = service
                if self._opened is not None:
                    self._opened(service)
                await ended.wait()
                self.service = None
        except Exception as error:
            self.failure = error
            if not isinstance(error, LexSegError):
                _log.error("the server cannot open: %s", trace_of(error))
            if self._failed is not None:
                self._failed(error)

    def _load(self) -> Segmenter:
        settings = self._settings
        segmenter = Segmenter.from_pretrained(settings.model, device=settings.device, engine=settings.engine)
        segmenter.open_all()  # a server fails when it starts, not at somebody's first sentence
        return segmenter if settings.operating_point is None else segmenter.at(settings.operating_point)


async def _in_daemon(load: Callable[[], Segmenter]) -> Segmenter:
    """What a function loads, in a thread that nobody waits for when the server is stopped meanwhile."""
    loop = asyncio.get_running_loop()
    loaded: asyncio.Future[Segmenter] = loop.create_future()

    def tell(segmenter: Segmenter | None, error: Exception | None) -> None:
        if loaded.done():  # cancelled
            return
        if segmenter is None:
            loaded.set_exception(error or RuntimeError("nothing was loaded"))
        else:
            loaded.set_result(segmenter)

    def work() -> None:
        segmenter: Segmenter | None = None
        failure: Exception | None = None
        try:
            segmenter = load()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server was stopped
            loop.call_soon_threadsafe(tell, segmenter, failure)

    threading.Thread(target=work, name="load", daemon=True).start()
    return await loaded
