"""The voxels of NIfTI and NRRD files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.scans.scan import Frame
from lexseg.scans.voxels import Voxels

Array = NDArray[np.float64]


class GridSource:
    """A volume whose axes run as its file likes: turned so that axial slices look the way radiologists look at them.

    Args:
        voxels: of the file, on its own axes i, j and k.
        turn: how its axes are turned into right-to-left, front-to-back, upwards: as nibabel writes it, for each axis
            of the file the axis it becomes and the way it runs (1 or -1). ``axes`` are the file's axes that become
            columns, rows and slices.
        affine: float64[4, 4], from (i, j, k) to millimetres RAS (the patient's right-to-left axis grows to the right).
        header: of the file, as its library gives it.
    """

    inverted = False

    def __init__(self, voxels: Voxels, turn: Array, affine: Array, header: Any) -> None:
        self._voxels, self.shape = voxels, voxels.shape
        self.turn, self.affine, self.header = turn, affine, header
        ways = [int(way) for way in turn[:, 1]]
        columns, rows, slices = (int(np.flatnonzero(turn[:, 0] == target).item()) for target in range(3))
        self.axes = (columns, rows, slices)
        self._flips = [ways[axis] < 0 for axis in self.axes]

    @property
    def oblique_degrees(self) -> float:
        """The largest angle between an axis of the file and the patient's axis that it is nearest to."""
        directions = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        cosines = np.abs(directions).max(axis=0)
        return float(np.rad2deg(np.arccos(np.clip(cosines, -1, 1))).max())

    def whole(self) -> NDArray[Any]:
        """All values, on the file's own axes [i, j, k]."""
        return np.stack([self._voxels.plane(2, k) for k in range(self.shape[2])], axis=2)

    def frame(self, index: int) -> Frame:
        columns, rows, slices = self.axes
        values = self._voxels.plane(slices, self.shape[slices] - 1 - index if self._flips[2] else index)
        values = values.T if rows > columns else values
        row_flip, column_flip = (slice(None, None, -1 if flip else 1) for flip in (self._flips[1], self._flips[0]))
        return Frame(np.ascontiguousarray(values[row_flip, column_flip], dtype=np.float32))

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        """``masks`` [frames, H, W] as [i, j, k] of the file."""
        turned = masks.transpose(2, 1, 0)  # columns, rows, slices
        turned = turned[tuple(slice(None, None, -1 if flip else 1) for flip in self._flips)]
        return turned.transpose([self.axes.index(axis) for axis in range(3)])


class NiftiSource(GridSource):
    """The voxels of a NIfTI file. ``header`` is nibabel's."""


class NrrdSource(GridSource):
    """The voxels of an NRRD file. ``header`` is a dict, as pynrrd gives it."""
