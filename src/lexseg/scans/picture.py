"""A picture as a scan of one frame."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.pictures import read_picture, turn_note
from lexseg.scans.scan import Frame, Scan
from lexseg.scans.window import Window


class ImageSource:
    """The pixels of a PNG, JPEG, TIFF or BMP file.

    Args:
        path: the file.
        values: float32[H, W] in 0..1, or uint8[H, W, 3].
    """

    inverted = False

    def __init__(self, path: Path, values: NDArray[Any]) -> None:
        self.path, self._values = path, values

    def frame(self, index: int) -> Frame:
        return Frame(self._values)

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        return masks


def open_picture(path: Path, name: str, channel: int | None = None) -> Scan:
    """A PNG, JPEG, TIFF or BMP file.

    Raises:
        DataError: if it cannot be read, or another channel than the first is asked for.
    """
    check_channel(name, channel)
    pixels = read_picture(path)
    color, (height, width) = pixels.ndim == 3, pixels.shape[:2]
    note = turn_note(path)
    return Scan(
        name=name,
        format="image",
        modality=None,
        shape=(1, height, width),
        color=color,
        spacing=None,
        thickness=None,
        patient_left=None,
        windows=(Window(0, 1, "as stored"),),
        notes=() if note is None else (note,),
        source=ImageSource(path, np.rint(pixels * 255).astype(np.uint8) if color else pixels),
    )


def check_channel(name: str, channel: int | None) -> None:
    """Refuse to look for another image where there is one only: what is found in it would pass for the other's."""
    if channel:
        raise DataError(f"{name}: there is no channel {channel}: the file holds one image or clip; leave --channel out")
