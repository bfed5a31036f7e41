"""From DICOM headers to a scan."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.dicom.audit import check_values, unusable
from lexseg.scans.dicom.geometry import Plane, pixel_spacing, plane_of
from lexseg.scans.dicom.groups import UnusableValue, group_value
from lexseg.scans.dicom.header import Header, number, text
from lexseg.scans.dicom.header_sides import contradictions, side_of_plane, side_of_projection
from lexseg.scans.dicom.pixels import is_color, read_frame, rescale_of
from lexseg.scans.dicom.series import ordered, ordered_frames, spacing_of_slices
from lexseg.scans.dicom.source import DicomSource
from lexseg.scans.dicom.windows import stated_windows, usual_windows
from lexseg.scans.limits import MAX_VOXELS
from lexseg.scans.scan import Scan, Side
from lexseg.scans.window import PRESETS, Window, automatic, spread

_SAMPLES = 5  # frames from which the window of a file without one is guessed


def scan_of_file(name: str, header: Header, channel: int | None = None) -> Scan:
    """A scan of one file, of one frame or of several.

    Raises:
        DataError: as :func:`lexseg.scans.dicom.series.ordered_frames`, or if the header cannot be used.
    """
    with _damage(name):
        planes = [plane_of(header.dataset, frame) for frame in range(header.frames)]
        frames, notes = ordered_frames(name, planes, channel)
        return _scan(name, (header,), tuple((0, frame) for frame in frames), [planes[n] for n in frames], notes)


def scan_of_series(name: str, headers: Sequence[Header], channel: int | None = None) -> Scan:
    """A scan of the slices of a series.

    Raises:
        DataError: as :func:`lexseg.scans.dicom.series.ordered`, or if they are too many.
    """
    with _damage(name):
        slices, planes, notes = ordered(name, headers, channel)
        rows, columns = slices[0].size
        if rows * columns * len(slices) > MAX_VOXELS:
            raise DataError(
                f"{name}: {len(slices)} slices of {rows} x {columns}; at most {MAX_VOXELS:,} voxels are opened"
            )
        return _scan(name, tuple(slices), tuple((index, 0) for index in range(len(slices))), planes, notes)


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Values of a header are converted when they are asked for, and damaged ones raise nearly anything."""
    try:
        yield
    except UnusableValue as error:
        raise DataError(f"{name}: {error}") from error
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{name}: the DICOM header is damaged ({type(error).__name__})") from error


def _scan(
    name: str,
    headers: tuple[Header, ...],
    places: tuple[tuple[int, int], ...],
    planes: list[Plane | None],
    notes: list[str],
) -> Scan:
    first = headers[0]
    check_values(headers, places)
    notes += [note for header in headers for note in header.notes]
    notes += [note for file, frame in places for note in unusable(headers[file], frame)]
    if "MOSAIC" in text(first.dataset, "ImageType").upper():
        notes.append("a mosaic: several slices lie side by side in one picture, and words for places mean its whole")
    spacing, said = _spacing(headers, places)
    notes += said
    thickness, step = spacing_of_slices(planes, notes)
    if len(places) == 1:
        thickness = _own_thickness(first)
    side = _side(first, planes, notes)
    notes += contradictions(headers[places[0][0]], places[0][1], planes[0], side)
    source = DicomSource(headers, places, _affine(planes, spacing, step, thickness))
    color = is_color(first)
    return Scan(
        name=name,
        format="dicom",
        modality=first.modality,
        shape=(len(places), *first.size),
        color=color,
        spacing=spacing,
        thickness=thickness,
        patient_left=side,
        windows=(Window(0, 255, "as stored"),) if color else _windows(headers, places, notes),
        notes=tuple(dict.fromkeys(notes)),
        source=source,
    )


def _spacing(
    headers: tuple[Header, ...], places: tuple[tuple[int, int], ...]
) -> tuple[tuple[float, float] | None, list[str]]:
    ends = {0, len(places) // 2, len(places) - 1}
    found = [pixel_spacing(headers[places[frame][0]], places[frame][1]) for frame in sorted(ends)]
    spacing, note = found[0]
    if any(other != spacing for other, _ in found):
        return None, ["the frames differ in their spacing: areas are counted in pixels"]
    return spacing, [] if note is None else [note]


def _own_thickness(header: Header) -> float | None:
    try:
        value = group_value(header.dataset, "PixelMeasuresSequence", 0, "SliceThickness", 1)
    except UnusableValue:  # a note tells of it
        return None
    return round(value, 6) if value is not None and 0 < value < 1e4 else None


def _side(header: Header, planes: list[Plane | None], notes: list[str]) -> Side | None:
    if planes[0] is None:
        side, note = side_of_projection(header.dataset)
    else:
        found = {side_of_plane(plane)[0] for plane in planes if plane is not None}
        side, note = side_of_plane(planes[0])
        if len(found) > 1:
            side, note = None, "the patient's left is not at the same side of all frames: it is taken as unknown"
    if note is not None:
        notes.append(note)
    return side


def _affine(
    planes: list[Plane | None],
    spacing: tuple[float, float] | None,
    step: NDArray[np.float64] | None,
    thickness: float | None,
) -> NDArray[np.float64] | None:
    first = planes[0]
    if first is None or spacing is None or (step is None and len(planes) > 1):
        return None
    affine = np.eye(4)
    affine[:3, 0] = first.along_row * spacing[1]
    affine[:3, 1] = first.along_column * spacing[0]
    affine[:3, 2] = first.normal * (thickness or 1.0) if step is None else step
    affine[:3, 3] = first.position
    return affine


def _windows(headers: tuple[Header, ...], places: tuple[tuple[int, int], ...], notes: list[str]) -> tuple[Window, ...]:
    file, frame = places[len(places) // 2]
    header = headers[file]
    stated = stated_windows(header.dataset, frame)
    usual = usual_windows(header.modality)
    if stated or usual:
        return tuple(stated + usual)
    if number(header.dataset, "BitsStored") == 8 and rescale_of(header, frame) == (1.0, 0.0):
        return (Window(0, 255, "as stored"),)
    found = []
    for place in sorted({int(at) for at in np.linspace(0, len(places) - 1, _SAMPLES)}):
        file, frame = places[place]
        read = read_frame(headers[file], frame)
        found.append(read.values.ravel() if read.padding is None else read.values[~read.padding])
    values = np.concatenate(found)
    window = automatic(values)
    if window == Window.of(*PRESETS["abdomen"]) and header.modality is not None:  # no Hounsfield units, as it is no CT
        window = spread(values)
    notes.append("the header gives no window: it is set by the values")
    return (Window(window.low, window.high, "automatic"),)
