"""The plane that is made up for the segmentation of an image that has none, such as a plain film.

By the standard such a segmentation needs none: without a frame of reference each of its pixels is the pixel of the
image that it was derived from (PS3.3, A.51.5.1). Most readers ask for one nevertheless. This one is what readers
themselves take where an image has no plane (ITK, Cornerstone): rows along x, columns along y, the first pixel at the
origin, a thickness of 1 mm, and pixels of 1 mm where their size is not known; thus the mask lies on the image there. It
lies in a frame of reference of its own, so that nothing else in the study can be taken to lie beside it.
"""

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

COSINES = (1, 0, 0, 0, 1, 0)
SPACING = (1.0, 1.0)  # mm
THICKNESS = 1  # mm


def reference_of(image: Dataset, frame: int) -> UID:
    """The FrameOfReferenceUID of the made-up plane: the same for all segmentations of a frame, and of it alone.

    Args:
        image: the header of the file.
        frame: its number in the file, from 0.
    """
    return generate_uid(entropy_srcs=[str(image.SOPInstanceUID), str(frame), "made-up plane"])


def remark(spacing_known: bool) -> str:
    """What the object says of it.

    Args:
        spacing_known: whether the size of the pixels is the image's own.
    """
    what = "frame of reference, position, orientation" + (
        " and slice thickness are" if spacing_known else ", slice thickness and pixel spacing are"
    )
    return (
        f"The image has no place in the patient. The {what} made up so that readers accept this object: rows run "
        "along x and columns along y of the picture. Nothing may be concluded from them."
    )
