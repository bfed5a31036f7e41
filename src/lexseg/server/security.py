"""Who may ask: the token, the name that the server is called by, and pages from elsewhere."""

import hmac
import ipaddress
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lexseg.server.refusal import Refusal, respond
from lexseg.server.settings import Settings

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


class Guard:
    """Refuses what may not be asked, before any of it is read.

    Args:
        app: what answers.
        settings: of the server.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

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
        except Refusal as refusal:
            await respond(refusal, marked, rest=_unread(scope, receive))
            return
        await self._app(scope, receive, marked)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        if not self._known(host):
            # a name of theirs that leads here (DNS rebinding) lets a page from elsewhere pass for ours
            raise Refusal(421, "wrong_host", "the server is not known by this name; see --allowed-host")
        self._check_origin(scope, headers, host)
        if self._settings.token is not None and scope["path"].startswith(
            ("/v1", "/metrics", "/capabilities", "/openapi")
        ):
            kind, _, given = headers.get("authorization", "").partition(" ")
            same = hmac.compare_digest(given.strip().encode(), self._settings.token.encode())
            if kind.lower() != "bearer" or not same:
                raise Refusal(401, "token", "send the server's token: 'Authorization: Bearer TOKEN'")

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
