"""Requests of every shape as hypothesis strategies: nearly right ones, which come far, and others."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Request:
    """What is sent. Attributes: half: whether the body is cut short, and the client sends no more."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    chunked: bool = False
    half: bool = False

    def raw(self) -> bytes:
        """The bytes on the wire."""
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1"]
        named = {name.lower() for name, _ in self.headers}
        if b"host" not in named:
            lines.append(b"host: 127.0.0.1")
        lines += [name + b": " + value for name, value in self.headers]
        body = self.body[: len(self.body) // 2] if self.half else self.body
        if self.chunked:
            lines.append(b"transfer-encoding: chunked")
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if self.half else b"0\r\n\r\n")
        elif b"content-length" not in named:
            lines.append(b"content-length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _split(words: str) -> list[str]:
    return words.split()


_ODD_NUMBERS = st.sampled_from(
    [0, -1, 1, 2**31, 2**63, 2**64, 10**400, 0.0, -0.0, 1e308, float("nan"), float("inf"), -float("inf"), 0.5, 1e-320]
)
_WORDS = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Co", "Lo", "Mn"]), max_size=30),
    st.sampled_from(
        [
            "opacity in the left lung",
            "\0",
            "\ud800",
            "\udfff left",
            "no\0dule",
            "a" * 3000,
            "\u202eleft",
            "\ufeff",
            "{}",
            "-1",
        ]
    ),
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _ODD_NUMBERS, _WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_WORDS, inner, max_size=4)),
    max_leaves=12,
)
_ASKED = st.fixed_dictionaries(
    {},
    optional={
        "sentences": st.one_of(st.lists(_WORDS, max_size=5), _JSON),
        "report": st.one_of(_WORDS, _JSON),
        "frame": st.one_of(_ODD_NUMBERS, _JSON),
        "frames": st.one_of(st.tuples(_ODD_NUMBERS, _ODD_NUMBERS), _JSON),
        "window": st.one_of(st.fixed_dictionaries({"width": _ODD_NUMBERS, "level": _ODD_NUMBERS}), _JSON),
        "threshold": st.one_of(_ODD_NUMBERS, _JSON),
        "laterality": st.one_of(st.sampled_from(["image", "patient", "left"]), _JSON),
        "description": _JSON,
        "more": _JSON,
    },
)


# all in order but for one value, so that it comes far
_RIGHT = {
    "sentences": st.just(["opacity in the left lung"]),
    "frame": st.just(0),
    "window": st.just({"width": 0.5, "level": 0.5}),
    "threshold": st.just(0.4),
    "laterality": st.just("image"),
    "description": st.just(True),
}
_ONE_WRONG = st.one_of(
    *(
        st.fixed_dictionaries(_RIGHT | {key: odd})
        for key, odd in {
            "sentences": st.lists(_WORDS, max_size=3),
            "frame": _ODD_NUMBERS,
            "window": st.fixed_dictionaries({"width": _ODD_NUMBERS, "level": _ODD_NUMBERS}),
            "threshold": _ODD_NUMBERS,
            "laterality": _WORDS,
            "description": _JSON,
        }.items()
    ),
    st.fixed_dictionaries({"report": _WORDS}),
    st.fixed_dictionaries({"sentences": _RIGHT["sentences"], "frames": st.tuples(_ODD_NUMBERS, _ODD_NUMBERS)}),
)


def _dumped(value: object) -> bytes:
    try:
        return json.dumps(value).encode()
    except ValueError:  # more digits than Python writes
        return b'{"frame": 1' + b"0" * 5000 + b"}"


_ENDLESS = st.sampled_from(
    [b"[" * 100_000, b'{"a":' * 50_000, b"1" * 100_000, b'"' + b"\\u0000" * 50_000 + b'"', b"\xff" * 99]
)
_PARTS = st.tuples(
    st.sampled_from(
        [
            b'name="file"; filename="a.png"',
            b'name="file"; filename="../../x"',
            b'name="file"',
            b'name="series"',
            b'name="spacing"',
            b'name="channel"',
            b"name=file",
            b'name="f\0le"',
            b"",
            b"name*=utf-8''file",
            b'name="\xff"',
        ]
    ),
    st.one_of(
        st.binary(max_size=80),
        st.sampled_from(
            [b"1,1", b"nan,nan", b"inf,1", b"-1", b"1e309,1", b"\0", b"9" * 400, b"\x89PNG\r\n\x1a\n", b"x" * 3000]
        ),
    ),
    st.sampled_from(
        [b"", b"content-type: text/plain\r\n", b"content-transfer-encoding: base64\r\n", b": \r\n", b"x\r\n"]
    ),
)


@st.composite
def _forms(draw: st.DrawFn) -> bytes:
    parts = draw(st.lists(_PARTS, max_size=4))
    body = b"".join(b"--edge\r\ncontent-disposition: form-data; %b\r\n%b\r\n%b\r\n" % (h, m, c) for h, c, m in parts)
    body += draw(st.sampled_from([b"--edge--\r\n", b"--edge--", b"--edge", b"", b"--edge--\r\nmore", b"--EDGE--\r\n"]))
    at = draw(st.integers(0, len(body)))
    return body[:at] + draw(st.one_of(st.just(b""), st.binary(max_size=4))) + body[at:]


_VALUES = st.one_of(
    st.sampled_from(
        [
            *b"""* null -1 0x10 bytes=0- bytes=9-1,- items=1-2 bytes=a-b gzip;q=nan http://evil.example 127.0.0.1:99999
            [::1 [::1] localhost. 127.0.0.1@evil.example evil.example 100-continue websocket h2c Upgrade
            multipart/form-data application/json""".split(),
            *(b"", b"\xff\xfe", b"1" * 30, b"a" * 5000, b"Bearer \xff", b"keep-alive, Upgrade"),
            *(b"multipart/form-data; boundary=edge", b'multipart/form-data; boundary="'),
            b"application/json; charset=utf-7",
        ]
    ),
    st.binary(max_size=40).map(lambda value: bytes(b for b in value if b not in b"\r\n\0")),
)
_NAMES = st.sampled_from(
    b"""content-type content-encoding range if-range if-none-match if-modified-since origin host authorization
    expect upgrade connection sec-websocket-key sec-fetch-site sec-fetch-mode accept accept-encoding
    x-forwarded-for x-forwarded-host forwarded cookie te trailer x-http-method-override content-length via
    referer""".split()
)
_METHODS = st.sampled_from(
    [*["GET"] * 12, "HEAD", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND"]
)
_PIECES = st.one_of(
    st.sampled_from(
        [
            "",
            *_split(""".. %2e%2e %2f %00 . %ff % -1 0 1 99999999999999999999 nan page.css index.html app.js mask.png
            seg.dcm result.json %ed%a0%80 ~ * ; C: %5c..%5c"""),
        ]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=" #?"), max_size=12),
)
_QUERIES = st.one_of(
    st.just(""),
    st.sampled_from(
        [
            "?frame=9" + "9" * 5000,
            *_split("""?frame=0 ?frame=-1 ?frame=nan ?width=nan&level=0 ?width=1e308&level=-1e308 ?width=5e-324&level=0
            ?width=1 ?level=inf&width=inf ?frame=%00 ?frame=%ff ?width=100&level=0"""),
        ]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(
        lambda text: "?" + text.replace("#", "")
    ),
)


def requests(image: str, result: str) -> st.SearchStrategy[Request]:
    """All kinds of requests to a server on which an image is open, and a result is had."""
    images, results = f"/v1/images/{image}", f"/v1/results/{result}"
    own = ("", "/segment", "/frames/0", "/frames/0/values")
    known = [images + rest for rest in own]
    known += [f"{results}/{name}" for name in ("mask.png", "overlay.png", "result.json")]
    known += _split("/ /v1/images /v1/jobs/x /healthz /capabilities /metrics /openapi.json /page.css /docs")
    paths = st.one_of(
        st.sampled_from(known),
        st.builds(
            lambda start, rest: "/".join([start.rstrip("/"), *rest]),
            st.sampled_from(known),
            st.lists(_PIECES, max_size=3),
        ),
    )
    # the image is needed by those that follow
    methods = st.tuples(_METHODS, paths).filter(
        lambda pair: not (pair[0] == "DELETE" and pair[1].rstrip("/") == images)
    )
    headers = st.lists(st.tuples(_NAMES, _VALUES), max_size=4).map(tuple)
    wild = st.builds(
        lambda pair, query, headers, body, chunked, half: Request(
            pair[0], (pair[1] + query).encode(), headers, body, chunked, half
        ),
        methods,
        _QUERIES,
        headers,
        st.binary(max_size=200),
        st.booleans(),
        st.sampled_from([False] * 5 + [True]),
    )
    asking = st.builds(
        lambda body, chunked: Request(
            "POST", f"{images}/segment".encode(), ((b"content-type", b"application/json"),), body, chunked
        ),
        st.one_of(
            _ONE_WRONG.map(_dumped),
            _ONE_WRONG.map(_dumped),
            _ASKED.map(_dumped),
            _JSON.map(_dumped),
            _ENDLESS,
            st.binary(max_size=80),
        ),
        st.booleans(),
    )
    form = ((b"content-type", b"multipart/form-data; boundary=edge"),)
    sending = st.builds(
        lambda body, chunked, half: Request("POST", b"/v1/images", form, body, chunked, half),
        _forms(),
        st.booleans(),
        st.sampled_from([False] * 5 + [True]),
    )
    junk = st.binary(max_size=300).map(lambda data: Request("\0", data))
    return st.one_of(asking, sending, wild, junk)
