"""Who may ask: the token, the name that the server is called by, and pages from elsewhere."""

import asyncio
import ipaddress
import math
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lexseg.server import trail
from lexseg.server.address import address_of, place_of
from lexseg.server.metrics import Metrics
from lexseg.server.opening import Opening
from lexseg.server.refusal import Refusal, respond
from lexseg.server.settings import Settings
from lexseg.server.slowing import Slowing
from lexseg.server.tokens import Tokens

POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_LOOPBACK = ("localhost",)
_FOR_BEARERS = ("/v1", "/metrics", "/capabilities", "/openapi")
_NEED_THE_MODEL = ("/v1", "/capabilities")


class Guard:
    """Refuses what may not be asked, before any of it is read.

    Args:
        app: what answers.
        settings: of the server.
        opening: that says whether it is ready.
        metrics: that count refusals.
    """

    def __init__(self, app: ASGIApp, settings: Settings, opening: Opening, metrics: Metrics) -> None:
        self._app, self._settings, self._opening, self._metrics = app, settings, opening, metrics
        self._tokens, self._slowing = Tokens(settings.known_tokens), Slowing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in _HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/v1"):
                    headers["cache-control"] = "no-store"  # patients' images are for nobody's cache
                else:
                    headers.setdefault("cache-control", "no-cache")
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
            await self._identify(scope, Headers(scope=scope))
            if scope["path"].startswith(_NEED_THE_MODEL):
                self._opening.ready()
        except Refusal as refusal:
            self._metrics.refusal(refusal.code)
            await respond(refusal, marked, rest=_unread(scope, receive))
            return
        await self._app(scope, receive, marked)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        if not self._known(host):
            # a name of theirs that leads here (DNS rebinding) lets a page from elsewhere pass for ours
            raise Refusal(421, "wrong_host", "the server is not known by this name; whoever runs it can allow it")
        self._check_origin(scope, headers, host)

    async def _identify(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Find out who asks, where that is of importance."""
        if not self._tokens or not scope["path"].startswith(_FOR_BEARERS):
            return
        given = headers.get("authorization", "")
        caller = self._tokens.caller(given)
        if caller is None:
            if given:
                await self._slow_down(scope, given)
            raise Refusal(401, "token", "send the server's token: 'Authorization: Bearer TOKEN'")
        trail.identify(caller.name, caller.role)
        if not caller.may(scope["method"]):
            raise Refusal(403, "role", "this token is a reader's: it may look, but not upload, ask or close")

    async def _slow_down(self, scope: Scope, given: str) -> None:
        """Hold the answer to a wrong token back."""
        place = place_of(address_of(scope, self._settings.trusted_proxies))
        claimed = self._tokens.claimed(given)
        keys = [f"address {place}", *(() if claimed is None else (f"name {claimed}",))]
        held, seconds = self._slowing.wrong(keys)
        self._metrics.wrong_token(seconds if held else 0.0)
        if not held:
            told = "too many wrong tokens came at a time; send the right one, or wait"
            raise Refusal(429, "too_many_tokens", told, retry=math.ceil(seconds))
        self._slowing.held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._slowing.held -= 1

    def _check_origin(self, scope: Scope, headers: Mapping[str, str], host: str) -> None:
        origins = Headers(scope=scope).getlist("origin")
        if origins:
            if {origin.lower() for origin in origins} - {f"http://{host}".lower(), f"https://{host}".lower()}:
                raise Refusal(403, "origin", "pages of other sites may not use this server")
            return
        # reads by <img> or a link carry no origin; following a link to the page itself is fine
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        if site in ("cross-site", "same-site") and not (mode == "navigate" and not scope["path"].startswith("/v1")):
            raise Refusal(403, "origin", "pages of other sites may not use this server")

    def _known(self, host: str) -> bool:
        name = _name_of(host)
        if not self._settings.loopback and not self._settings.hosts:
            return True  # others reach it by names we cannot know; the token guards it
        if name in (self._settings.host.lower(), *(each.lower() for each in self._settings.hosts)):
            return True
        return self._settings.loopback and (name in _LOOPBACK or _is_loopback(name))


def _unread(scope: Scope, receive: Receive) -> Receive | None:
    """The body, if there is one and the client does not wait to be told whether it is wanted."""
    headers = Headers(scope=scope)
    if headers.get("expect") or not ("content-length" in headers or "transfer-encoding" in headers):
        return None
    return receive


def _name_of(host: str) -> str:
    """A host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
