"""From a volume on axes of its own to a scan: what NIfTI and NRRD have in common."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lexseg.scans.scan import Scan
from lexseg.scans.sources import GridSource
from lexseg.scans.window import PRESETS, Window, automatic, spread

_SAMPLES = 7  # slices from which the window is guessed
_OF_CT = tuple(
    Window.of(*PRESETS[name], name) for name in ("abdomen", "lung", "mediastinum", "bone", "brain", "liver-narrow")
)


def grid_scan(
    name: str,
    kind: Literal["nifti", "nrrd", "metaimage"],
    source: GridSource,
    spacing: tuple[float, float] | None,
    sizes: NDArray[np.float64],
    oriented: bool,
    notes: list[str],
    modality: str | None = None,
) -> Scan:
    """A scan of a volume on a regular grid, sliced as it is usually looked at.

    Args:
        name: for messages.
        kind: of the file.
        source: its voxels.
        spacing: of axial slices, (row, column), millimetres.
        sizes: millimetres from voxel to voxel along i, j and k.
        oriented: whether the header says which side is which.
        notes: what looks odd so far.
        modality: what the user says it is; ``None`` leaves it to the values.
    """
    columns, rows, slices = source.axes
    frames = source.shape[slices]
    gap = float(sizes[slices])
    if not oriented:
        notes = [*notes, "the header does not say which side is which: left and right of the patient are not known"]
    if oriented and (lean := source.oblique_degrees) > 20:
        notes = [*notes, f"the slices are oblique by up to {lean:.0f} degrees; shown along the nearest of their axes"]
    values = _sampled(source, frames)
    if bad := int(np.count_nonzero(~np.isfinite(values))) if values.dtype.kind == "f" else 0:
        share = "all" if bad == values.size else f"{math.ceil(100 * bad / values.size)} %"
        notes = [*notes, f"{share} of the values that were looked at are no numbers (NaN or infinite) and show nothing"]
    windows = _windows(values, modality)
    if modality is None and windows == _OF_CT:
        notes = [*notes, "taken for a CT by its values, which look like Hounsfield units; --modality overrules that"]
    return Scan(
        name=name,
        format=kind,
        modality=modality or ("CT" if windows == _OF_CT else None),  # neither format names it; Hounsfield units do
        shape=(frames, source.shape[rows], source.shape[columns]),
        color=False,
        spacing=spacing,
        thickness=round(gap, 6) if np.isfinite(gap) and gap > 0 else None,
        patient_left="right" if oriented else None,
        windows=windows,
        notes=tuple(notes),
        source=source,
    )


def _sampled(source: GridSource, frames: int) -> NDArray[Any]:
    """The values of a few frames, from the first to the last."""
    places = sorted({int(place) for place in np.linspace(0, frames - 1, _SAMPLES)})
    return np.concatenate([source.frame(place).values.ravel() for place in places])


def _windows(values: NDArray[Any], modality: str | None) -> tuple[Window, ...]:
    if modality == "CT":
        return _OF_CT
    found = automatic(values)
    if modality is not None and found == _OF_CT[0]:
        found = spread(values)
    if found == _OF_CT[0]:  # Hounsfield units
        return _OF_CT
    return (Window(found.low, found.high, "automatic"),)
