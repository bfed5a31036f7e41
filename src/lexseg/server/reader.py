"""A process of its own that reads what was uploaded: ``python -m lexseg.server.reader``. It imports no torch.

Decoders of images are large native libraries, and files come from anywhere. What they do to this process, which has its
memory limited and is killed when it is late, does nothing to the server. Requests come as lines of JSON, and answers go
back as such: the server unpickles nothing that a reader says.
"""

import ctypes
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lexseg.errors import LexSegError
from lexseg.scans.dicom.windows import window_to_json
from lexseg.scans.open import open_scan
from lexseg.scans.scan import Scan
from lexseg.server.frames import FRAMES, PADDING
from lexseg.server.writing import write_result

_PR_SET_PDEATHSIG = 1
Say = Callable[[dict[str, Any]], None]


class TooLarge(LexSegError):
    """More pixels than the server takes."""


def read_upload(request: dict[str, Any], say: Say) -> dict[str, Any]:
    """Read an upload whole, so that whatever is wrong with it shows now.

    Args:
        request: ``folder`` and in it the ``upload``, a file or a folder; ``series``, ``channel`` and ``modality`` as
            for `open_scan`; at most how many ``pixels`` of a frame and ``voxels`` of all.
        say: takes a sign of life after each frame.

    Returns:
        what the server is to know of the scan; its pixels are left in ``folder``, in `FRAMES` and `PADDING`.

    Raises:
        TooLarge: it has more pixels than that.
        DataError: it cannot be read.
    """
    scan = _scan(request)
    frames, height, width = scan.shape
    if height * width > request["pixels"] or frames * height * width > request["voxels"]:
        raise TooLarge(
            f"{frames} x {height} x {width} pixels; this server takes {request['pixels'] // 1_000_000} million in a "
            f"frame and {request['voxels'] // 1_000_000} million in all"
        )
    low, high = _write_frames(scan, Path(request["folder"]), say)
    return {
        "format": scan.format,
        "modality": scan.modality,
        "shape": list(scan.shape),
        "color": scan.color,
        "spacing": scan.spacing,
        "thickness": scan.thickness,
        "patient_left": scan.patient_left,
        "windows": [window_to_json(window) for window in scan.windows],
        "notes": list(scan.notes),
        "inverted": scan.inverted,
        "range": [low, high],
    }


def _scan(request: dict[str, Any]) -> Scan:
    os.chdir(request["folder"])  # so that messages name "upload", and nothing of where it lies
    return open_scan(
        request["upload"], series=request["series"], channel=request["channel"], modality=request["modality"]
    )


def _write_frames(scan: Scan, folder: Path, say: Say) -> tuple[float, float]:
    """Write the pixels of all frames; gives the smallest and the largest value."""
    low, high = math.inf, -math.inf
    size = scan.shape[1] * scan.shape[2]
    with open(folder / FRAMES, "xb") as values_file, open(folder / PADDING, "xb") as padding_file:
        for number in range(scan.shape[0]):
            frame = scan.source.frame(number)
            if frame.values.shape[:2] != scan.shape[1:]:
                raise TooLarge(f"frame {number} is not of the size that the header says")
            values = np.ascontiguousarray(frame.values, dtype="u1" if scan.color else "<f4")
            finite = values if scan.color else values[np.isfinite(values)]
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            values.tofile(values_file)
            if frame.padding is not None and frame.padding.any():
                padding_file.seek(number * -(-size // 8))
                padding_file.write(np.packbits(frame.padding).tobytes())
            say({"frame": number})
    return (low, high) if low <= high else (0.0, 0.0)


def _confine(memory: int) -> None:
    """Limit what this process may take, and have it end with the server, even while a decoder does not come back."""
    with suppress(OSError, AttributeError):  # of Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the patient's image


def _requests(file: BinaryIO) -> Iterator[dict[str, Any]]:
    while line := file.readline():
        yield json.loads(line)


def main() -> None:
    """Answer requests until the server is gone."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # decoders write what they please, and it may come from the file
        os.dup2(nowhere, stream)

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")

    _confine(int(sys.argv[1]))
    say({"ready": True})
    does = {"read": lambda request: read_upload(request, say), "write": write_result}
    for request in _requests(sys.stdin.buffer):
        try:
            say({"done": does[request["do"]](request)})
        except TooLarge as error:
            say({"too_large": str(error)})
        except LexSegError as error:
            say({"refused": str(error)})
        except MemoryError:
            say({"too_large": "reading it takes more memory than this server gives to an upload"})
        except OSError as error:
            say({"errno": error.errno})
        except Exception as error:  # whatever a reader did not foresee is the file's fault as far as the client goes
            say({"refused": f"the file cannot be read ({type(error).__name__}): it is damaged, or of an unknown kind"})


if __name__ == "__main__":
    main()
