"""A server that is told to stop in the middle of an answer."""

import asyncio
import logging
import threading
import time

import pytest

from lexseg.server.log import AccessLog
from serving import Site, until

pytest.importorskip("uvicorn")


def test_who_still_waits_is_told_as_json_that_it_stops(caplog):
    import uvicorn

    began = threading.Event()

    async def never(scope, receive, send):
        began.set()
        await asyncio.sleep(60)

    watched = []
    app = AccessLog(never, lambda *request: watched.append(request))
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    runs = threading.Thread(target=server.run)
    said = []
    with caplog.at_level(logging.ERROR):
        runs.start()
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        asks = threading.Thread(target=lambda: said.append(Site(port, None).get("/v1/images/x")))
        asks.start()
        assert began.wait(60)
        told = time.monotonic()
        server.should_exit = True
        asks.join(60)
        runs.join(60)
    assert time.monotonic() - told < 50  # it was not waited for
    (answer,) = said
    assert (answer.status, answer.code) == (503, "stopping") and int(answer.headers["retry-after"]) > 0
    assert [request[2] for request in watched] == [503]
    assert "Traceback" not in caplog.text
