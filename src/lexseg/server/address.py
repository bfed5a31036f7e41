"""Where a request comes from: its peer, or behind a proxy that is trusted what that proxy says."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_ONE_SITE = 64  # bits: whoever has an IPv6 address has as many as it likes


def address_of(scope: Scope, trusted: Sequence[IPNetwork]) -> str:
    """The client's address.

    ``X-Forwarded-For`` is read from its end, and only as far as trusted proxies wrote it: what a client itself writes
    there is never believed.

    Args:
        scope: of the request.
        trusted: proxies.
    """
    peer = (scope.get("client") or ("", 0))[0]
    address = _parsed(peer)
    said = [part for line in Headers(scope=scope).getlist("x-forwarded-for") for part in line.split(",")]
    while address is not None and said and any(address in network for network in trusted):
        before = _parsed(said.pop())
        if before is None:
            break
        address = before
    return peer if address is None else str(address)


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the network of an IPv6 address."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _ONE_SITE), strict=False))
    return address


def _parsed(text: str) -> _Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped
