"""The process in which GDCM and CharLS unpack pixels; run as a script, so that it imports only what it needs.

On its input it reads requests, on its output it writes answers: eight bytes that give the lengths of a JSON object and
of the bytes that follow it, then both.
"""

import json
import struct
import sys
from typing import IO, Any

MEMORY = 4 << 30
"""Bytes that the process may take: a damaged image can ask for any amount."""


def send(file: IO[bytes], said: dict[str, Any], data: bytes) -> None:
    """Write a message to the process that asked."""
    text = json.dumps(said).encode()
    file.write(struct.pack("<II", len(text), len(data)) + text + data)
    file.flush()


def receive(file: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read a message of the decoders' protocol: its options as JSON, and its bytes.

    Raises:
        EOFError: if the other side is gone.
    """
    lengths = file.read(8)
    if len(lengths) < 8:
        raise EOFError
    count, size = struct.unpack("<II", lengths)
    text, data = file.read(count), file.read(size)
    if len(text) < count or len(data) < size:
        raise EOFError
    return json.loads(text), data


def _unpack(options: dict[str, Any], packed: bytes) -> tuple[dict[str, Any], bytes]:
    import numpy as np
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    decoder, names = get_decoder(UID(options.pop("transfer_syntax_uid"))), options.pop("names")
    for place, name in enumerate(names):
        try:
            values, told = decoder.as_array(
                encapsulate([packed], has_bot=False), index=0, decoding_plugin=name, **options
            )
        except Exception:
            if place == len(names) - 1:
                raise
            continue
        said = {
            "shape": values.shape,
            "dtype": values.dtype.str,
            "photometric": str(told["photometric_interpretation"]),
        }
        return said, np.ascontiguousarray(values).tobytes()
    raise ValueError("no decoder")


def main() -> None:
    """Say that it is ready, then answer requests until there are no more."""
    try:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))
    except (ImportError, ValueError, OSError):
        pass  # there is no such limit on this system
    import pydicom.pixels.decoders.base  # noqa: F401 - takes its time, which is not that of a frame

    send(sys.stdout.buffer, {}, b"")
    while True:
        try:
            options, packed = receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer, data = _unpack(options, packed)
        # damaged pixels make decoders raise nearly anything; some end this process, which the other side notices
        except Exception as error:
            answer, data = {"error": type(error).__name__}, b""
        send(sys.stdout.buffer, answer, data)


if __name__ == "__main__":
    main()
