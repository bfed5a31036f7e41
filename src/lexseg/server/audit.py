"""The audit log: who did what when, to which image. A line of JSON for each request about images, and each refusal."""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from lexseg.errors import ConfigError
from lexseg.server import trail
from lexseg.server.address import address_of
from lexseg.server.log import Sent, method_of, route_of
from lexseg.server.settings import Settings

_log = logging.getLogger("lexseg.server")
_REFUSED = (401, 403, 421, 429)


class AuditLog:
    """A file that lines are added to, readable by the server's user alone.

    It is opened for each line, so that what rotates logs may move it away at any time.

    Args:
        path: of the file.

    Raises:
        ConfigError: if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._add(b"")
        except OSError as error:
            raise ConfigError(f"the audit log {path} cannot be written: {error.strerror or error}") from error

    def write(self, values: dict[str, Any]) -> bool:
        """Add a line; gives whether it could be written, as on a full disk it cannot."""
        try:
            self._add(json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        except OSError as error:
            _log.error("the audit log could not be written: %s", error.strerror)
            return False
        return True

    def _add(self, line: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            while line:
                line = line[os.write(file, line) :]
        finally:
            os.close(file)


class Audited:
    """Notes requests about images, and those that were refused for who asked, in the audit log.

    Args:
        app: what answers.
        settings: of the server.
        log: where it is noted; ``None`` notes nothing.
        lost: told of each line that could not be written.
    """

    def __init__(self, app: ASGIApp, settings: Settings, log: AuditLog | None, lost: Callable[[], None]) -> None:
        self._app, self._settings, self._file, self._lost = app, settings, log, lost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._file is None:
            await self._app(scope, receive, send)
            return
        seen, sent = trail.begin(), Sent(send)
        seen.address = address_of(scope, self._settings.trusted_proxies)
        try:
            await self._app(scope, receive, sent)
        finally:
            if scope["path"].startswith("/v1") or sent.status in _REFUSED:
                self._note(self._file, scope, seen, sent.status)

    def _note(self, file: AuditLog, scope: Scope, seen: trail.Trail, status: int) -> None:
        values: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": seen.who,
            "role": seen.role,
            "address": seen.address,
            "method": method_of(scope),
            "route": route_of(scope),
            "status": status or 499,
            "image": seen.image,
        }
        if self._settings.audit_text:
            values["asked"] = seen.asked
        if not file.write(values):
            self._lost()
