"""The frames of DICOM files: of one file, or of the slices of a series."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from lexseg.scans.dicom.header import Header, text
from lexseg.scans.dicom.pixels import read_frame
from lexseg.scans.scan import Frame, quiet


class DicomSource:
    """The frames of DICOM files, in the order in which they are shown.

    Attributes:
        headers: of the files; of a series, one for each slice.
        places: of each frame, its file (an index into ``headers``) and its number in that, from 0.
        affine: float64[4, 4], from (column, row, frame) to millimetres LPS (the patient's left, back, head); ``None``
            where the header does not place the frames, or they are not evenly spaced.
        frame_of_reference: the FrameOfReferenceUID; ``None`` for films, which have none.

    Args:
        headers: see above.
        places: see above.
        affine: see above.
    """

    def __init__(
        self,
        headers: tuple[Header, ...],
        places: tuple[tuple[int, int], ...],
        affine: NDArray[np.float64] | None = None,
    ) -> None:
        self.headers, self.places, self.affine = headers, places, affine
        self.frame_of_reference = text(headers[0].dataset, "FrameOfReferenceUID") or None
        self._inverted = text(headers[0].dataset, "PhotometricInterpretation") == "MONOCHROME1"

    @property
    def inverted(self) -> bool:
        return self._inverted

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """Of the files, without their pixels: what a segmentation refers to."""
        return tuple(header.dataset for header in self.headers)

    def dataset(self, frame: int) -> Dataset:
        """Of the file that a frame is in, without its pixels."""
        return self.headers[self.places[frame][0]].dataset

    def frame(self, index: int) -> Frame:
        file, number = self.places[index]
        with quiet():
            return read_frame(self.headers[file], number)

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        return masks
