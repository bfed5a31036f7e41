"""What a client is told whose request cannot be answered."""

import json
from typing import Any


class Refusal(Exception):
    """A request that is not answered, and why.

    Args:
        status: of HTTP.
        code: for programs, such as ``too_large``.
        message: for people: what was wrong and what to do.
        more: further values of the answer's ``error``.
        retry: seconds after which asking again may help.
    """

    def __init__(self, status: int, code: str, message: str, *, retry: int | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry, self.more = status, code, message, retry, more

    def body(self) -> bytes:
        """The answer's JSON."""
        return json.dumps({"error": {"code": self.code, "message": self.message} | self.more}).encode()

    def headers(self) -> dict[str, str]:
        """The answer's headers, its type among them."""
        retry = {} if self.retry is None else {"retry-after": str(self.retry)}
        return {"content-type": "application/json"} | retry
