"""HTTP/1.1 as uvicorn speaks it, with an end to the patience for clients that neither send nor take anything."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from lexseg.server.refusal import Refusal
from lexseg.server.settings import Times


def patient_protocol(times: Times) -> type[H11Protocol]:
    """The protocol, with the times of the settings.

    uvicorn itself waits for ever for the first request of a connection, for the rest of a request's head, and for a
    client to take what it asked for.
    """

    class PatientProtocol(H11Protocol):
        _head: asyncio.TimerHandle | None = None
        _taken: asyncio.TimerHandle | None = None

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.access_log = False  # whatever is configured: uvicorn's has paths, and paths have ids

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop(self._head)
            self._stop(self._taken)
            super().connection_lost(exc)

        def handle_events(self) -> None:
            before = self.cycle
            super().handle_events()
            if self.cycle is not before:
                self._stop(self._head)
                self._head = None

        def send_400_response(self, msg: str) -> None:
            refusal = Refusal(400, "no_http", "the request is no HTTP that can be read")
            body = refusal.body()
            head = {**refusal.headers(), "content-length": str(len(body)), "connection": "close"}
            raw = [(name.encode(), value.encode()) for name, value in head.items()]
            for event in (
                h11.Response(status_code=refusal.status, headers=raw, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def on_response_complete(self) -> None:
            self._wait_for_head()
            super().on_response_complete()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._taken = self.loop.call_later(times.write, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop(self._taken)
            super().resume_writing()

        def _wait_for_head(self) -> None:
            self._stop(self._head)
            self._head = self.loop.call_later(times.head, self._too_late)

        def _too_late(self) -> None:
            cycle: RequestResponseCycle | None = self.cycle  # none before the first request
            if cycle is None or cycle.response_complete:
                self.transport.abort()

        @staticmethod
        def _stop(timer: asyncio.TimerHandle | None) -> None:
            if timer is not None:
                timer.cancel()

    return PatientProtocol
