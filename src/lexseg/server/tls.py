"""TLS of the server's own."""

import ssl
from pathlib import Path

from lexseg.errors import ConfigError
from lexseg.server.secret_files import check_private


def check_tls(certificate: Path | None, key: Path | None) -> None:
    """See to it that a certificate and its key can be used, before the model is loaded.

    Args:
        certificate: PEM, the server's own first, then those between it and the authority.
        key: PEM, without a password; others may not read it.

    Raises:
        ConfigError: if they cannot.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise ConfigError("--tls-cert and --tls-key belong together: give both, or neither")
    check_private(key, "the key")
    if not certificate.is_file():
        raise ConfigError(f"the certificate {certificate} cannot be read: no such file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificate {certificate} and the key {key} cannot be used: they are no PEM, do not belong together, "
            "or the key has a password"
        ) from error
