"""Listening, and stopping in good order."""

import logging
import os
import socket
import sys
import tempfile

import uvicorn

from lexseg.errors import ConfigError
from lexseg.predict.answered import NOTE
from lexseg.server.app import create_app
from lexseg.server.protocol import patient_protocol
from lexseg.server.service import Service
from lexseg.server.settings import Settings
from lexseg.server.tls import check_tls


def serve(settings: Settings, *, access_log: bool = True) -> int:
    """Serve until told to stop (Ctrl-C, SIGTERM). The port answers at once, questions once the model is loaded.

    Args:
        settings: what the server is told.
        access_log: whether each request is logged.

    Returns:
        the exit status.

    Raises:
        ConfigError: if the address cannot be listened at, a log not be written, or the certificate not be used.
        ModelError: if the model cannot be loaded.
    """
    _check_state(settings)
    check_tls(settings.tls_certificate, settings.tls_key)
    scheme = "http" if settings.tls_certificate is None else "https"
    with _listening(settings) as listening:
        os.umask(0o077)  # whatever is written is the server's own
        _log_to_stderr(access_log)
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        failures: list[Exception] = []

        def opened(service: Service) -> None:
            name = service.segmenter.name
            print(f"LexSeg serves {name!r} at {scheme}://{shown}:{port}/  (Ctrl-C stops it). {NOTE}", flush=True)

        def failed(error: Exception) -> None:
            failures.append(error)
            server.should_exit = True

        config = uvicorn.Config(
            create_app(settings, opened=opened, failed=failed),
            http=patient_protocol(settings.times),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=settings.limits.connections,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            timeout_keep_alive=int(settings.times.head),
            timeout_graceful_shutdown=int(settings.times.shutdown),
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
    if failures:
        raise failures[0]
    return 0 if server.started else 1


def _check_state(settings: Settings) -> None:
    """Write into the folder of the journal, before the model is loaded: services often have no home to write to."""
    if settings.state is None:
        return
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.state).close()
    except OSError as error:
        raise ConfigError(
            f"the journal of jobs cannot be kept in {settings.state}: {error.strerror or error}; give another folder "
            "as --state"
        ) from error


def _listening(settings: Settings) -> socket.socket:
    """A socket at the address, before the model is loaded: a port that is taken is told at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(settings.limits.connections)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {settings.host}, port {settings.port}: {error.strerror or error}; give another --port "
            "or --host"
        ) from error
    return listening


def _log_to_stderr(access_log: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (
        ("lexseg.server", logging.INFO if access_log else logging.WARNING),
        ("uvicorn", logging.WARNING),
    ):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(level)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it tells of bytes that are sent
