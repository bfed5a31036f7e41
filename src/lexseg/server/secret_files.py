"""Files that hold secrets: the token, the table of named tokens, the key of TLS. Others may not read them."""

import hashlib
import os
import re
import stat
from pathlib import Path

from lexseg.errors import ConfigError
from lexseg.server.tokens import ROLES, NamedToken

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"[0-9a-fA-F]{64}")


def check_private(path: Path, what: str) -> None:
    """See to it that a file with a secret is there, and that other users cannot read it.

    Args:
        path: of the file.
        what: it is, for the message.

    Raises:
        ConfigError: if it is not so.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror or error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise ConfigError(
            f"{what} {path} can be read or changed by other users of this machine (its mode is "
            f"{stat.S_IMODE(mode):04o}): chmod 600 {path}, and make a new secret if others may have seen it"
        )


def read_secret(path: Path, what: str) -> str:
    """The text of a private file.

    Raises:
        ConfigError: if it cannot be read, or others can.
    """
    check_private(path, what)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(f"{what} {path} cannot be read: {reason}") from error


def read_token(path: Path) -> str:
    """The one token of a file.

    Raises:
        ConfigError: if it cannot be used.
    """
    token = read_secret(path, "the token file").strip()
    if not token:
        raise ConfigError(f"the token file {path} is empty")
    return token


def read_tokens(path: Path) -> tuple[NamedToken, ...]:
    """The table of named tokens: a line for each, ``NAME ROLE SHA256``; ``#`` begins a comment.

    Raises:
        ConfigError: if a line cannot be used, by its number; never with what is in it.
    """
    tokens: list[NamedToken] = []
    for number, line in enumerate(read_secret(path, "the table of tokens").splitlines(), 1):
        parts = line.partition("#")[0].split()
        if not parts:
            continue
        where = f"the table of tokens {path}, line {number}"
        if len(parts) != 3:
            raise ConfigError(f"{where}: expected NAME ROLE SHA256, three words")
        name, role, hash_ = parts
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{where}: a name is made of letters, digits and . _ @ -, at most 64 of them")
        known = next((each for each in ROLES if each == role), None)
        if known is None:
            raise ConfigError(f"{where}: the role is one of {', '.join(ROLES)}")
        if not _HASH.fullmatch(hash_):
            raise ConfigError(f"{where}: expected the token's SHA-256, 64 hexadecimal digits, not the token itself")
        if hash_.lower() in (hashlib.sha256(end).hexdigest() for end in (b"", b"\n")):
            raise ConfigError(f"{where}: this is the SHA-256 of nothing")
        if any(token.name == name or token.sha256 == hash_.lower() for token in tokens):
            raise ConfigError(f"{where}: the name, or the token, is there twice")
        tokens.append(NamedToken(name, known, hash_.lower()))
    if not tokens:
        raise ConfigError(f"the table of tokens {path} has no token; write NAME ROLE SHA256 into it")
    return tuple(tokens)
