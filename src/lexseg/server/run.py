"""Listening, and stopping in good order."""

import uvicorn

from lexseg.server.app import create_app
from lexseg.server.settings import Settings


def serve(settings: Settings) -> int:
    """Serve until told to stop; gives the exit status."""
    times, limits = settings.times, settings.limits
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=int(times.head),
        timeout_graceful_shutdown=int(times.shutdown),
    )
    uvicorn.Server(config).run()
    return 0
