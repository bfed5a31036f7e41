"""Who asks: the tokens that a server knows, by name and hash, and what their bearers may do."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lexseg.errors import ConfigError

Role = Literal["reader", "writer"]
ROLES: tuple[Role, ...] = ("reader", "writer")
SHORTEST_TOKEN = 16
_READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Attributes:
        name: of the token, as the audit log has it; ``None`` where the server asks for no token.
        role: a ``reader`` may look at what is there; a ``writer`` may also upload, ask and close.
    """

    name: str | None
    role: Role

    def may(self, method: str) -> bool:
        """Whether such a request may be made."""
        return self.role == "writer" or method in _READS


@dataclass(frozen=True, slots=True)
class NamedToken:
    """A token that a server knows.

    Attributes:
        name: of who holds it.
        role: what they may do.
        sha256: of the token, as 64 hexadecimal digits. A token made by chance needs no slower hash.
    """

    name: str
    role: Role
    sha256: str


def unnamed(token: str) -> NamedToken:
    """The token that is given without a name: whoever has it may do all.

    Raises:
        ConfigError: if it is so short that it can be guessed.
    """
    if len(token) < SHORTEST_TOKEN:
        raise ConfigError(f"the token has {len(token)} letters; give at least {SHORTEST_TOKEN}, made by chance")
    return NamedToken("token", "writer", _hashed(token))


class Tokens:
    """All tokens of a server.

    Args:
        known: the tokens; none where anybody may ask.
    """

    def __init__(self, known: Sequence[NamedToken]) -> None:
        self._known = tuple(known)

    def __bool__(self) -> bool:
        return bool(self._known)

    def caller(self, authorization: str) -> Caller | None:
        """Who sends this header, ``Bearer TOKEN`` or ``Bearer NAME:TOKEN``; ``None`` if no token is right."""
        if not self._known:
            return Caller(None, "writer")
        given = _bearer(authorization)
        if given is None:
            return None
        whole = _hashed(given)
        _, colon, rest = given.partition(":")
        secret, claimed = _hashed(rest), self.claimed(authorization)
        found = None
        for token in self._known:  # all of them: how long it takes tells nothing
            same = hmac.compare_digest(whole, token.sha256)
            named = hmac.compare_digest(secret, token.sha256) and bool(colon) and claimed == token.name
            if same or named:
                found = Caller(token.name, token.role)
        return found

    def claimed(self, authorization: str) -> str | None:
        """The name of a token of ours that the header lays claim to, rightly or wrongly."""
        name, colon, _ = (_bearer(authorization) or "").partition(":")
        return name if colon and any(token.name == name for token in self._known) else None


def _bearer(authorization: str) -> str | None:
    kind, _, given = authorization.partition(" ")
    return given.strip() if kind.lower() == "bearer" and given.strip() else None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
