"""``lexseg serve``: the HTTP API and the web page."""

import argparse
import os
from pathlib import Path

from lexseg.cli.main import add_operating_point, add_running
from lexseg.cli.values import above_0, count, network
from lexseg.errors import ConfigError

_HELP = "serve the web page and the HTTP API"
_EPILOG = """examples:
  lexseg serve                                        (then open http://127.0.0.1:8765/)
  lexseg serve --model runs/mine/model --port 9000
  lexseg serve --host 0.0.0.0 --token-file token.txt --tls-cert cert.pem --tls-key key.pem
                                                      (others may ask, with the token)

The token may come from the environment variable LEXSEG_TOKEN. Research use only: not a medical device."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``serve`` to the command line."""
    parser = commands.add_parser(
        "serve",
        help=_HELP,
        description="Serve the web page and the HTTP API, by default to this machine alone.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", default="default", help="a bundled model, a model folder or a hub id (default: %(default)s)")
    add_running(add)
    add_operating_point(add)
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen at; any but this machine's needs a token (default: %(default)s)",
    )
    add("--port", type=int, default=8765, help="port to listen at; 0 takes a free one (default: %(default)s)")
    add(
        "--token-file", "--token_file", type=Path, metavar="FILE", help="a file with the token that requests must bring"
    )
    add(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="a table of named tokens, a line for each: NAME ROLE SHA256, the role reader or writer",
    )
    add("--tls-cert", "--tls_cert", type=Path, metavar="FILE", help="certificate (PEM), to speak https; with --tls-key")
    add("--tls-key", "--tls_key", type=Path, metavar="FILE", help="its key (PEM), without a password")
    add(
        "--trusted-proxy",
        "--trusted_proxy",
        action="append",
        type=network,
        default=[],
        metavar="ADDRESS",
        help="a proxy, or a network of them, that is believed where requests come from; repeat for several",
    )
    add("--audit-log", "--audit_log", type=Path, metavar="FILE", help="note who did what to which image, and when")
    add("--audit-text", "--audit_text", action="store_true", help="and what was asked; it may tell of a patient")
    add(
        "--allowed-host",
        "--allowed_host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that requests may call the server by; repeat for several",
    )
    add("--state", type=Path, metavar="DIR", help="folder for the journal of jobs (default: in your home)")
    limit = parser.add_argument_group("limits").add_argument
    limit(
        "--max-upload",
        "--max_upload",
        type=above_0,
        default=512,
        metavar="MB",
        help="all files of an upload together, in millions of bytes; default: %(default)g",
    )
    limit(
        "--max-images",
        "--max_images",
        type=count,
        default=64,
        metavar="N",
        help="open at a time; default: %(default)s",
    )
    limit(
        "--idle",
        type=above_0,
        default=30,
        metavar="MINUTES",
        help="until an image is closed that nobody asks about; default: %(default)g",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    if not 0 <= args.port < 65536:
        raise ConfigError(f"--port {args.port}: a port lies between 0 and 65535")
    if args.audit_text and args.audit_log is None:
        raise ConfigError("--audit-text says what the audit log holds: give --audit-log, too")
    try:
        from lexseg.server.run import serve
    except ModuleNotFoundError as error:
        if error.name in ("fcntl", "resource"):
            raise ConfigError(
                "the server needs Linux or macOS, by which it locks its files and limits what reading an image may "
                "take; on Windows, run it in WSL"
            ) from error
        if (error.name or "").partition(".")[0] not in (
            "fastapi",
            "uvicorn",
            "starlette",
            "python_multipart",
            "prometheus_client",
        ):
            raise
        raise ConfigError(
            f"the server needs {error.name}, which is not installed: pip install 'lexseg[serve]'"
        ) from error
    from lexseg.server.secret_files import read_token, read_tokens
    from lexseg.server.settings import MEGABYTE, Limits, Settings, Times

    settings = Settings(
        model=args.model,
        device=args.device,
        engine=args.engine,
        operating_point=args.operating_point,
        host=args.host,
        port=args.port,
        token=os.environ.get("LEXSEG_TOKEN") or None if args.token_file is None else read_token(args.token_file),
        tokens=() if args.tokens is None else read_tokens(args.tokens),
        trusted_proxies=tuple(args.trusted_proxy),
        audit=args.audit_log,
        audit_text=args.audit_text,
        tls_certificate=args.tls_cert,
        tls_key=args.tls_key,
        hosts=tuple(args.allowed_host),
        state=args.state or _state(),
        limits=Limits(upload_bytes=round(args.max_upload * MEGABYTE), images=args.max_images),
        times=Times(idle=60 * args.idle),
    )
    return serve(settings)


def _state() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "lexseg"
