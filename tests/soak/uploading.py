"""Damaged files sent to a running server, and what it may answer: an image that can be used, or a reason why not."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

from load import Client

_HELD = 4_000_000  # pixels of a frame that is asked about: more take their time


class Fault(AssertionError):
    """What a server must not answer."""


def check_refusal(status: int, body: bytes) -> str:
    """The code of a refusal.

    Raises:
        Fault: if it is none of the client's (4xx), gives no reason, or tells what is nobody's business.
    """
    if not 400 <= status < 500:
        raise Fault(f"status {status}: {body[:300]!r}")
    try:
        error = strict(body)["error"]
        code, message = error["code"], error["message"]
    except (ValueError, KeyError, TypeError) as wrong:
        raise Fault(f"status {status} without a reason: {body[:300]!r}") from wrong
    if not (isinstance(code, str) and code and isinstance(message, str) and message):
        raise Fault(f"status {status} without a reason: {body[:300]!r}")
    if "/tmp" in message or "lexseg-serve" in message or "Traceback" in message:
        raise Fault(f"a reason that tells too much: {message}")
    return code


def strict(body: bytes) -> Any:
    """JSON, without NaN and the like, which browsers refuse."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(body, parse_constant=refuse)


def send(client: Client, data: bytes, *, ask: bool = False) -> str:
    """Upload a file, look at it and close it.

    Args:
        client: with a connection to the server.
        data: of the file.
        ask: whether a sentence is asked about it, and the mask fetched in every format.

    Returns:
        ``taken``, or the code of the refusal.

    Raises:
        Fault: if the server did what it must not do.
    """
    body = b'--edge\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + data + b"\r\n--edge--\r\n"
    status, answer = _call(client, "POST", "/v1/images", body, "multipart/form-data; boundary=edge")
    if status != 201:
        return check_refusal(status, answer)
    image: Mapping[str, Any] = strict(answer)
    own = f"/v1/images/{image['id']}"
    try:
        for path in (own, f"{own}/frames/{image['frames'] - 1}", f"{own}/frames/0/values"):
            status, answer = _call(client, "GET", path)
            if status != 200:
                raise Fault(f"{path.partition(image['id'])[2]} of an image that was taken: {status} {answer[:300]!r}")
        if ask and image["height"] * image["width"] <= _HELD:
            _ask(client, own, image)
    finally:
        status, answer = _call(client, "DELETE", own)
    if status != 204:
        raise Fault(f"closing it: {status} {answer[:300]!r}")
    return "taken"


def _ask(client: Client, own: str, image: Mapping[str, Any]) -> None:
    question = json.dumps({"sentences": ["opacity in the left lung"], "frame": image["frames"] // 2}).encode()
    status, answer = _call(client, "POST", f"{own}/segment", question, "application/json")
    if status != 200:
        raise Fault(f"a sentence about it: {status} {answer[:300]!r}")
    for path in strict(answer)["results"][0]["links"].values():
        if path is not None:
            status, answer = _call(client, "GET", path)
            if status != 200:  # a header may tell too little for a file of its format
                check_refusal(status, answer)


def _call(client: Client, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
    try:
        return client.call(method, path, body, kind)
    except (http.client.HTTPException, OSError) as error:
        raise Fault(f"no answer to {method} {path[:30]}: {type(error).__name__}") from error
