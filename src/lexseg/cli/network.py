"""Whether the hub can be reached, asked once and quickly: its client tries for minutes."""

import os
import socket
import sys
import threading

HUB = ("huggingface.co", 443)
TIMEOUT = 4.0
"""Seconds, names looked up included."""

_ANOTHER_WAY = (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_ENDPOINT",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
)


def say_if_offline() -> None:
    """Where there is no network, have the hub's client look into its cache alone, and say so.

    Before anything imports that client. Left alone where the user has set a way to the hub, or none, himself.
    """
    if any(os.environ.get(name) for name in _ANOTHER_WAY) or _reached():
        return
    os.environ["HF_HUB_OFFLINE"] = "1"
    print(
        "no network: text encoders from the hub are looked for in its cache alone; --config unet-lite, and the other "
        "lite recipes, need none",
        file=sys.stderr,
    )


def _reached() -> bool:
    found = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection(HUB, timeout=TIMEOUT):
                found.set()
        except OSError:
            pass

    # looking a name up knows no time limit of its own
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return found.is_set()
