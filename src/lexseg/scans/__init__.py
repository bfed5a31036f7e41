"""Reading of pictures, DICOM, NIfTI and NRRD: files in, arrays out, frame by frame as radiologists see them.

Here live the readers of every format, each told by what is in the file and not by its name; masks; windows and levels;
which side of a picture is the patient's left; and the limits past which a file is refused. The room touches files and
arrays, and knows nothing of cases, sentences or networks. Its doors are `open_scan` (an image or a volume of any
format), `lexseg.scans.images.read_image` (one image as values in 0..1) and `lexseg.scans.masks.read_mask`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lexseg.scans.open import open_scan, open_scans
    from lexseg.scans.scan import Scan

__all__ = ["Scan", "open_scan", "open_scans"]


def __getattr__(name: str) -> Any:
    # a picture needs no reader of DICOM: what is asked for is imported when it is asked for
    if name in ("open_scan", "open_scans"):
        from lexseg.scans import open as door

        return getattr(door, name)
    if name == "Scan":
        from lexseg.scans.scan import Scan

        return Scan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
