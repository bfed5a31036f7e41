"""How a PACS is reached: its address, who asks, whose certificates are trusted, and how patient the asking is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from lexseg.errors import ConfigError, PacsError

USER, PASSWORD, TOKEN = "LEXSEG_PACS_USER", "LEXSEG_PACS_PASSWORD", "LEXSEG_PACS_TOKEN"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a PACS may take, and how often it is asked again.

    Attributes:
        connect: seconds until a connection must stand.
        read: seconds that the PACS may be silent.
        attempts: how often a request is made at most.
        wait: seconds before the second attempt; they double from one attempt to the next.
        longest: seconds of a wait at most, also where the PACS names a time (``Retry-After``).
    """

    connect: float = 10.0
    read: float = 60.0
    attempts: int = 5
    wait: float = 0.5
    longest: float = 30.0


@dataclass(frozen=True, slots=True)
class Access:
    """Where a PACS is and how it is spoken to.

    Attributes:
        url: of its DICOMweb service, such as ``http://localhost:8042/dicom-web``.
        ca_bundle: certificates (PEM) of the authorities to trust; ``None`` takes those of the file that
            REQUESTS_CA_BUNDLE names, or those that come with Python's requests.
        patience: time-outs and attempts.
        auth: who asks (:func:`credentials`); ``None`` asks without a name.

    Raises:
        ConfigError: for an address that is none, one that holds a password, or a bundle that is not there.
    """

    url: str
    ca_bundle: Path | None = None
    patience: Patience = field(default_factory=Patience)
    auth: AuthBase | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        example = "expected something like http://localhost:8042/dicom-web"
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError as error:
            raise ConfigError(f"the URL of the PACS cannot be read: {error}; {example}") from error
        if "@" in parts.netloc:  # it would stand in the list of processes and in the shell's history
            raise ConfigError(f"the URL of the PACS holds a user name; take it out and set {USER} and {PASSWORD}")
        if not usable or parts.query or parts.fragment:
            raise ConfigError(f"{self.url!r} is no URL of a PACS; {example}")
        if self.ca_bundle is not None and not self.ca_bundle.is_file():
            raise ConfigError(f"{self.ca_bundle}: there is no such file of certificates")
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @property
    def in_the_clear(self) -> bool:
        """Whether what is sent can be read on its way: no https, and not this machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in _LOOPBACK

    def session(self) -> requests.Session:
        """A new session; proxies are those of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY)."""
        return _Session(self)


def credentials(environment: Mapping[str, str] = os.environ) -> AuthBase | None:
    """Who asks: LEXSEG_PACS_TOKEN, or LEXSEG_PACS_USER with LEXSEG_PACS_PASSWORD; ``None`` where neither is set.

    Raises:
        ConfigError: if only half is set, or both kinds are.
    """
    user, password, token = (environment.get(name) or None for name in (USER, PASSWORD, TOKEN))
    if token and (user or password):
        raise ConfigError(f"both {TOKEN} and {USER}/{PASSWORD} are set; unset one of them")
    if (user is None) != (password is None):
        missing = PASSWORD if password is None else USER
        raise ConfigError(f"{missing} is not set; {USER} and {PASSWORD} are needed together")
    if token:
        if not token.isascii() or any(c.isspace() for c in token):
            raise ConfigError(f"{TOKEN} holds a space, a line break or a letter that no token has")
        return _Bearer(token)
    # as UTF-8 (RFC 7617): requests itself would take Latin-1
    return HTTPBasicAuth(user.encode(), password.encode()) if user and password else None


class _Bearer(AuthBase):
    """As an AuthBase and not a header: requests lets ~/.netrc overrule a header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    def __init__(self, access: Access) -> None:
        super().__init__()
        self.auth = access.auth
        self._verify = True if access.ca_bundle is None else str(access.ca_bundle)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        # dicomweb-client names the host without its port, which servers behind a shared address do not know
        (kwargs.get("headers") or {}).pop("Host", None)
        url = str(url).replace("%2A", "*").replace("%3F", "?")  # Orthanc 1.10 knows no escaped wildcards
        if self._verify is not True:  # given with the request, as REQUESTS_CA_BUNDLE overrules a session's own
            kwargs["verify"] = self._verify
        # not followed: a POST would become a GET, and a password could go where nobody meant to send it
        response = super().request(method, url, *args, **kwargs | {"allow_redirects": False})
        if response.is_redirect:
            parts = urlsplit(response.headers.get("Location", ""))
            target = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "another path of the same server"
            raise PacsError(f"the PACS sends every request on to {target}; give the URL where it ends as --url")
        return response
