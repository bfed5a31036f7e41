"""What files of answers are called: by the image that they are of, so that no two images' files have one name.

The server never looks at what a client calls its files, as that may be a patient's name: the hash of the upload stands
for it.
"""

from lexseg.server.images import OpenImage
from lexseg.server.results import Result

_DIGITS = 8


def name_of(image: OpenImage, ending: str, result: Result | None = None, frame: int | None = None) -> str:
    """A file's name, such as ``lexseg_3f2a9c1b_1_0012_mask.png``.

    Args:
        image: that the file is about.
        ending: what it is, and its format.
        result: the answer that it holds, whose number is in the name.
        frame: which one it holds; in the name where the image has several.
    """
    parts = ["lexseg", image.sha256[:_DIGITS]]
    parts += [] if result is None else [str(result.values["number"])]
    parts += [] if frame is None or image.scan.shape[0] == 1 else [f"{frame:04}"]
    return "_".join([*parts, ending])
