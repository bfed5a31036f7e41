"""TLS of the server's own."""

import subprocess

import pytest

from components import openssl
from lexseg.errors import ConfigError
from serving import EXAMPLES, site

pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A certificate of 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [openssl(), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lexseg",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    key.chmod(0o600)
    return certificate, key


def test_questions_travel_under_tls(bundled, keys):
    certificate, key = keys
    with site(bundled, tls_certificate=certificate, tls_key=key, token="a-token-of-some-length") as served:
        assert served.ask(served.open(EXAMPLES / "breast_case012.png"), "hypoechoic mass")[0]["state"] == "found"
        own = f"https://127.0.0.1:{served.port}"
        assert served.get("/capabilities", origin=own, host=own[8:]).status == 200
        assert b"HTTP/1.1 200" not in served.raw(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", seconds=5)


def test_what_cannot_be_used_is_told_before_the_server_starts(keys, tmp_path):
    from lexseg.server.tls import check_tls

    certificate, key = keys
    check_tls(certificate, key)
    check_tls(None, None)
    other, locked = tmp_path / "other.pem", tmp_path / "locked.pem"
    subprocess.run([openssl(), "genrsa", "-out", other, "2048"], check=True, capture_output=True)
    subprocess.run(
        [openssl(), "rsa", "-aes256", "-passout", "pass:words", "-in", key, "-out", locked],
        check=True,
        capture_output=True,
    )
    for file in (other, locked):
        file.chmod(0o600)
    wrong = [(certificate, None), (None, key), (certificate, other), (certificate, locked), (key, key), (other, key)]
    for pair in [*wrong, (tmp_path / "none", key), (certificate, tmp_path / "none")]:
        with pytest.raises(ConfigError):
            check_tls(*pair)
    key.chmod(0o644)
    try:
        with pytest.raises(ConfigError, match="chmod 600"):
            check_tls(certificate, key)
    finally:
        key.chmod(0o600)
