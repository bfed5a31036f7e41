"""The slices of a series in their order, and what looks odd about them."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.dicom.geometry import Plane, plane_of
from lexseg.scans.dicom.groups import UnusableValue
from lexseg.scans.dicom.header import Header, number, text
from lexseg.scans.dicom.kinds import FLAT, PROJECTIONS

UNEVEN = 0.05
"""Of the usual distance: slices that lie further off are not evenly spaced."""

SAME_PLACE = 1e-3
"""Millimetres: slices that are nearer to one another lie at one place."""


def is_localizer(header: Header) -> bool:
    """Whether it is a survey picture, as scanners take before the slices."""
    kind = text(header.dataset, "ImageType").upper()
    return any(word in kind for word in ("LOCALIZER", "SCOUT", "TOPOGRAM"))


def is_stack(headers: Sequence[Header]) -> bool:
    """Whether several files of a series are the slices of one volume, rather than pictures of their own."""
    if len(headers) < 2 or any(header.frames > 1 for header in headers):
        return False
    if any(header.modality in PROJECTIONS for header in headers):
        return False
    placed = [header for header in headers if plane_of(header.dataset, 0) is not None]
    return bool(placed) or not any(header.modality in FLAT for header in headers)


def by_frame_of_reference(headers: Sequence[Header]) -> list[list[Header]]:
    """Headers of one series, apart where each frame of reference has several: places are compared within one only.

    A frame of reference for every slice is what some anonymisers make; then it tells of nothing.
    """
    found: dict[str, list[Header]] = {}
    for header in headers:
        found.setdefault(text(header.dataset, "FrameOfReferenceUID"), []).append(header)
    return list(found.values()) if min(map(len, found.values())) > 1 else [list(headers)]


def ordered(
    name: str, headers: Sequence[Header], channel: int | None
) -> tuple[list[Header], list[Plane | None], list[str]]:
    """The slices of a series, sorted by where they lie along the normal of the first.

    Args:
        name: for messages.
        headers: of one series.
        channel: which image of each place is meant, where there are several at each (echoes, phases, times).

    Returns:
        The headers, where they lie, and notes.

    Raises:
        DataError: if the slices differ in size or direction, or several lie at each place and there is no ``channel``.
    """
    notes: list[str] = []
    headers = _without_copies(headers, notes)
    if any(not is_localizer(header) for header in headers):
        kept = [header for header in headers if not is_localizer(header)]
        if len(kept) < len(headers):
            notes.append(f"{_count(len(headers) - len(kept), 'survey picture')} (localizer) of the series left out")
        headers = kept
    _check_alike(name, headers)
    if len({text(header.dataset, "FrameOfReferenceUID") for header in headers}) > 1:
        notes.append("the slices have several frames of reference: whether their places can be compared is not known")
    headers = sorted(headers, key=_instance_number)
    planes = [plane_of(header.dataset, 0) for header in headers]
    first = next((plane for plane in planes if plane is not None), None)
    if first is None or any(plane is None for plane in planes):
        notes.append("not every slice says where it lies: they are in the order of their numbers")
        return list(headers), planes, notes
    placed = [(header, plane) for header, plane in zip(headers, planes, strict=True) if plane is not None]
    if odd := sum(not plane.parallel(first) for _, plane in placed):
        raise DataError(
            f"{name}: the slices of the series lie in several directions ({odd} of {len(placed)} differ from the "
            "first), so they make no volume; open one of the files"
        )
    placed.sort(key=lambda pair: float(pair[1].position @ first.normal))  # stable: at one place by number
    placed = _one_of_each_place(name, placed, first, channel, notes)
    return [header for header, _ in placed], [plane for _, plane in placed], notes


def ordered_frames(name: str, planes: Sequence[Plane | None], channel: int | None) -> tuple[list[int], list[str]]:
    """The frames of one file in the order of their places, as slices are; as they are stored where these tell of none.

    Several volumes in one file (times, phases, echoes) follow one another, each in the order of its places.

    Args:
        name: for messages.
        planes: where each frame lies.
        channel: which frame of each place is meant, where there are several at each (times, phases or echoes).

    Returns:
        Numbers of frames, and notes.

    Raises:
        DataError: if there is no such ``channel``.
    """
    stored = list(range(len(planes)))
    known = [plane for plane in planes if plane is not None]
    if len(known) < len(planes) or not all(plane.parallel(known[0]) for plane in known):
        _no_channel(name, channel)
        return stored, []
    heights = np.array([plane.position @ known[0].normal for plane in known])
    if np.all(np.diff(heights) > 0):
        _no_channel(name, channel)
        return stored, []
    order = sorted(stored, key=lambda frame: float(heights[frame]))  # stable: at one place as stored
    groups: list[list[int]] = []
    for frame in order:
        if groups and heights[frame] - heights[groups[-1][0]] < SAME_PLACE:
            groups[-1].append(frame)
        else:
            groups.append([frame])
    most = max(map(len, groups))
    if most == 1:
        _no_channel(name, channel)
        return order, ["the file does not hold its frames in the order of their places: they are sorted by place"]
    several = "several frames lie at one place (times, phases or echoes)"
    if any(len(group) != most for group in groups):
        _no_channel(name, channel)
        return stored, [f"{several}, not as many at each: all are shown as stored"]
    if channel is None:
        volumes = [group[number] for number in range(most) for group in groups]
        shown = (
            "all are shown as stored" if volumes == stored else "the volumes follow one another, each sorted by place"
        )
        return volumes, [f"{several}: {shown}; --channel 0 to {most - 1} chooses one at each"]
    if not 0 <= channel < most:
        raise DataError(f"{name}: there is no channel {channel}: the file holds {most} frames at each place")
    return [group[channel] for group in groups], []


def _no_channel(name: str, channel: int | None) -> None:
    """Refuse to look for another image where there is one only: what is found in it would pass for the other's."""
    if channel:
        raise DataError(f"{name}: there is no channel {channel}: the file holds one image or clip; leave --channel out")


def spacing_of_slices(
    planes: Sequence[Plane | None], notes: list[str]
) -> tuple[float | None, NDArray[np.float64] | None]:
    """Millimetres from slice to slice, and the step float64[3] in LPS; notes what is odd. ``None`` where uneven."""
    known = [plane for plane in planes if plane is not None]
    if len(known) < 2 or len(known) < len(planes):
        return None, None
    if not all(plane.parallel(known[0]) for plane in known):
        notes.append("the frames lie in several directions: no spacing between them")
        return None, None
    positions = np.array([plane.position for plane in known])
    steps = np.diff(positions @ known[0].normal)
    usual = float(np.median(np.abs(steps)))
    if usual < 1e-4:
        notes.append("several frames lie at one place (times, phases or echoes): no spacing between them")
        return None, None
    if not (np.all(steps > 0) or np.all(steps < 0)):
        notes.append("the frames are not sorted by place: no spacing between them")
        return None, None
    if float(np.abs(np.abs(steps) - usual).max()) > UNEVEN * usual:
        small, large = float(np.abs(steps).min()), float(np.abs(steps).max())
        notes.append(
            f"the slices are not evenly spaced ({small:.3g} to {large:.3g} mm): some may be missing, and no volume in "
            "ml is told"
        )
        return None, None
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    lean = np.rad2deg(np.arccos(np.clip(abs(step @ known[0].normal) / np.linalg.norm(step), -1, 1)))
    if lean > 0.5:
        notes.append(f"the slices lean: gantry tilt of {lean:.1f} degrees; frames are shown as stored")
    return round(float(abs(step @ known[0].normal)), 6), step


def describe_series(headers: Sequence[Header]) -> list[str]:
    """A line for each series: UID, modality, number of images."""
    groups = Counter((header.series, header.modality or "unknown modality") for header in headers)
    return [f"{uid}: {modality}, {_count(count, 'image')}" for (uid, modality), count in sorted(groups.items())]


def _instance_number(header: Header) -> int:
    try:
        return number(header.dataset, "InstanceNumber", 0) or 0
    except UnusableValue:  # a note tells of it
        return 0


def _without_copies(headers: Sequence[Header], notes: list[str]) -> Sequence[Header]:
    """Without files that hold another's very image; one identifier alone does not make two slices one."""
    kept: list[Header] = []
    by_uid: dict[str, list[Header]] = {}
    for header in headers:
        alike = by_uid.setdefault(header.instance, [])
        if header.instance and any(_same_image(header, other) for other in alike):
            continue
        alike.append(header)
        kept.append(header)
    if len(kept) < len(headers):
        notes.append(f"{_count(len(headers) - len(kept), 'file')} left out: copies of another (same SOPInstanceUID)")
    if shared := sum(len(group) for uid, group in by_uid.items() if uid and len(group) > 1):
        notes.append(f"{shared} slices share a SOPInstanceUID with another, but are different images: all are kept")
    return kept


def _same_image(one: Header, other: Header) -> bool:
    """Whether two files hold the same pixels at the same place."""
    places = [plane_of(header.dataset, 0) for header in (one, other)]
    first, second = places
    if (first is None) != (second is None) or one.size != other.size or one.syntax != other.syntax:
        return False
    if first is not None and second is not None and np.abs(first.position - second.position).max() > 1e-3:
        return False
    return _digest(one) == _digest(other)


def _digest(header: Header) -> bytes:
    """Of the pixels as they lie in the file; of packed ones with the little that follows them."""
    found, left = hashlib.sha256(), header.length
    with header.content.open() as file:
        file.seek(header.offset)
        while left and (data := file.read(min(left, 1 << 20))):
            found.update(data)
            left -= len(data)
    return found.digest()


def _check_alike(name: str, headers: Sequence[Header]) -> None:
    sizes = Counter(header.size for header in headers)
    if len(sizes) > 1:
        shown = ", ".join(f"{count} of {rows} x {columns}" for (rows, columns), count in sizes.most_common(5))
        raise DataError(f"{name}: the images of the series differ in size ({shown}), so they make no volume; open one")
    kinds = {text(header.dataset, "PhotometricInterpretation") == "MONOCHROME1" for header in headers}
    samples = {number(header.dataset, "SamplesPerPixel", 1) for header in headers}
    if len(kinds) > 1 or len(samples) > 1:
        raise DataError(f"{name}: some images of the series are gray and others coloured or inverted; open one")


def _one_of_each_place(
    name: str, placed: list[tuple[Header, Plane]], first: Plane, channel: int | None, notes: list[str]
) -> list[tuple[Header, Plane]]:
    groups: list[list[tuple[Header, Plane]]] = []
    for pair in placed:
        if groups and abs((pair[1].position - groups[-1][0][1].position) @ first.normal) < SAME_PLACE:
            groups[-1].append(pair)
        else:
            groups.append([pair])
    most = max(map(len, groups))
    if most == 1 and channel:
        raise DataError(f"{name}: there is no channel {channel}: the series holds one image at each place")
    if most == 1:
        return placed
    if all(len(group) == most for group in groups):
        if channel is None or not 0 <= channel < most:
            said = "" if channel is None else f", no {channel}"
            raise DataError(
                f"{name}: the series holds {most} images at each place (echoes, phases or times){said}; say which is "
                "meant by --channel, counted from 0"
            )
        return [group[channel] for group in groups]
    extra = sum(len(group) - 1 for group in groups)
    notes.append(f"{_count(extra, 'image')} left out: at the place of another slice; the lower instance number is kept")
    return [group[0] for group in groups]


def _count(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
