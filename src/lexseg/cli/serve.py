"""``lexseg serve``: the HTTP API and the web page."""

import argparse
import os
from pathlib import Path

from lexseg.cli.opening import add_running
from lexseg.cli.values import above_0, count
from lexseg.errors import ConfigError

_HELP = "serve the web page and the HTTP API"
_EPILOG = """examples:
  lexseg serve                                        (then open http://127.0.0.1:8765/)
  lexseg serve --model runs/mine/model --port 9000
  lexseg serve --host 0.0.0.0 --token-file token.txt  (others may ask, with the token)

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
        "--allowed-host",
        "--allowed_host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that requests may call the server by; repeat for several",
    )
    add("--state", type=Path, metavar="DIR", help="folder for the journal of jobs (default: in your home)")
    limit = parser.add_argument_group("limits").add_argument
    limit("--max-upload", "--max_upload", type=above_0, default=512, metavar="MB", help="default: %(default)g")
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
    try:
        from lexseg.server.run import serve
    except ModuleNotFoundError as error:
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
    from lexseg.server.settings import MEGABYTE, Limits, Settings, Times

    settings = Settings(
        model=args.model,
        device=args.device,
        engine=args.engine,
        host=args.host,
        port=args.port,
        token=_token(args.token_file),
        hosts=tuple(args.allowed_host),
        state=args.state or _state(),
        limits=Limits(upload_bytes=int(args.max_upload * MEGABYTE), images=args.max_images),
        times=Times(idle=60 * args.idle),
    )
    return serve(settings)


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get("LEXSEG_TOKEN") or None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the token file {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not token:
        raise ConfigError(f"the token file {path} is empty")
    return token


def _state() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "lexseg"
