"""What went wrong between us and a PACS: whether it may pass, and what to tell the user. No identifier in a message."""

from dataclasses import dataclass

import requests
import urllib3

from lexseg.pacs.access import PASSWORD, TOKEN, USER, Access


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed request.

    Attributes:
        message: for the user.
        passing: whether the same request may go well in a moment.
        status: of the answer, where there was one.
        after: seconds to wait that the PACS named.
    """

    message: str
    passing: bool
    status: int | None = None
    after: float = 0.0


def diagnose(error: Exception, access: Access) -> Failure:
    """Tell what a failed request means.

    Args:
        error: what dicomweb-client, requests or pydicom raised.
        access: to whom we spoke.
    """
    where, patience = access.url, access.patience
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _answered(error.response, access)
    if isinstance(error, requests.exceptions.SSLError):  # before ConnectionError, of which it is one
        return Failure(f"{where}: {_certificate(str(error))}", passing=False)
    if isinstance(error, requests.exceptions.ProxyError):
        return Failure(f"{where}: the proxy that HTTPS_PROXY or HTTP_PROXY names does not let us through", passing=True)
    if isinstance(error, requests.ConnectTimeout):
        return Failure(f"{where}: no server answers there (nothing for {patience.connect:g} s)", passing=True)
    if isinstance(error, requests.Timeout) or _silent(error):
        return Failure(f"{where}: the PACS was silent for {patience.read:g} s; see --timeout", passing=True)
    if isinstance(error, requests.ConnectionError):
        return Failure(f"{where}: {_connection(error)}", passing=True)
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return Failure(f"{where}: the connection was cut in the middle of an answer", passing=True)
    return Failure(f"{where}: answers, but not as a DICOMweb server does; {_orthanc()}", passing=False)


def _answered(response: requests.Response, access: Access) -> Failure:
    code, where = response.status_code, access.url
    if code == 429 or code >= 500:
        what = "is overloaded" if code in (429, 503) else "failed"
        return Failure(f"{where}: the PACS {what} (HTTP {code})", True, code, _seconds(response))
    if code == 401:
        known = "the name, password or token is wrong" if access.auth else "the PACS asks who you are"
        return Failure(f"{where}: {known} (HTTP 401); set {USER} and {PASSWORD}, or {TOKEN}", False, code)
    if code == 403:
        return Failure(f"{where}: the PACS does not allow this (HTTP 403); ask who runs it for the right", False, code)
    if code == 404:
        return Failure(f"{where}: nothing is there (HTTP 404); {_orthanc()}", False, code)
    if code == 400:  # so does Orthanc where its own address is given
        return Failure(f"{where}: the PACS does not understand the request (HTTP 400); {_orthanc()}", False, code)
    if code == 407:
        return Failure(f"{where}: the proxy asks who you are (HTTP 407)", False, code)
    if code == 413:
        return Failure(
            f"{where}: the PACS, or a server before it, takes no upload of this size (HTTP 413)", False, code
        )
    return Failure(f"{where}: the PACS refused the request (HTTP {code} {response.reason or ''})".rstrip(), False, code)


def _orthanc() -> str:
    return "is --url the DICOMweb address? Orthanc's is http://HOST:8042/dicom-web"


def _certificate(reason: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        why = reason.split("certificate verify failed: ")[-1].split(" (_ssl")[0]
        return (
            f"the server's certificate is not trusted ({why}); if it is your hospital's own, give the file of the "
            "authority that signed it as --ca-bundle"
        )
    return "no secure connection can be made (TLS); does this port speak https?"


def _silent(error: Exception) -> bool:
    """A time-out in the middle of an answer, which requests calls a failed connection."""
    return isinstance(error, requests.ConnectionError) and any(
        isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in error.args
    )


def _connection(error: requests.ConnectionError) -> str:
    cause: object = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "no machine of this name is known; check the URL"
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return "no server answers there; is the PACS running, and the port right?"
    return "the connection was cut"


def _seconds(response: requests.Response) -> float:
    """Of ``Retry-After``, where it is a number; a date is left to our own waits."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0
