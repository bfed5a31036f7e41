"""Which of the patient's sides is which side of the picture, and what in a header contradicts itself about it."""

import re
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from lexseg.scans.dicom.geometry import Plane
from lexseg.scans.dicom.groups import group_of, named
from lexseg.scans.dicom.header import Header, text
from lexseg.scans.scan import Side

_LATERAL_VIEWS = {"LL", "RL", "LAT", "LATERAL", "ML", "LM", "MLO", "LMO"}
_FRONTAL_VIEWS = {"PA", "AP", "APAX", "AP AXIAL", "PA AXIAL", "AP_SUPINE", "AP SUPINE", "AP ERECT", "PA ERECT"}
# lateral, left lateral, right lateral, latero-medial, medio-lateral; in SNOMED CT, and the older form of the first
_LATERAL_CODES = {"399067008", "399173006", "399198007", "399352003", "399260004", "R-102CD", "R-10236", "R-10232"}
_AXES = ({"L", "R"}, {"A", "P"}, {"H", "F"})
OBLIQUE = 0.9
"""Cosine: rows that lie further (26 degrees) from the patient's left-right axis are told to be oblique."""
# a side in the name of a file: alone between signs, or before a view of the breast, as RCC and L_MLO
_SIDE_IN_NAME = re.compile(
    r"(?:^|[^a-z])(left|right|l|r)(?=[^a-z]|$)|(?:^|[^a-z])([lr])(?=(?:cc|mlo|ml|lm|xccl)(?:[^a-z]|$))", re.IGNORECASE
)


def side_of_plane(plane: Plane) -> tuple[Side | None, str | None]:
    """On which side of the picture the patient's left lies, and a note if that needs one."""
    largest = int(np.argmax(np.abs(plane.along_row)))
    share = float(plane.along_row[0])
    if largest != 0:
        if int(np.argmax(np.abs(plane.along_column))) == 0:
            return None, "the patient's left and right are at the top and bottom of the picture, not at its sides"
        return None, None
    note = None
    if abs(share) < OBLIQUE:
        angle = np.rad2deg(np.arccos(abs(share)))
        note = f"the picture is oblique: its rows lie {angle:.0f} degrees off the patient's left-right axis"
    return ("right" if share > 0 else "left"), note


def side_of_projection(dataset: Dataset) -> tuple[Side | None, str | None]:
    """The same for a picture without a place in the patient: by PatientOrientation, else by the view."""
    view = text(dataset, "ViewPosition").upper()
    codes = {text(item, "CodeValue") for item in dataset.get("ViewCodeSequence") or ()}
    lateral = view in _LATERAL_VIEWS or bool(codes & _LATERAL_CODES)
    ways = ways_of(dataset)
    if ways is None:
        return None, (
            f"{named('PatientOrientation')} stands in the header, but is not the two ways (such as L and F) it should "
            "be: sides are taken as unknown"
        )
    if ways and ways[0]:
        first = ways[0][0]
        if (first in "LR" and lateral) or (first in "AP" and view in _FRONTAL_VIEWS):
            kind = "lateral" if lateral else "frontal"
            return None, f"PatientOrientation and the {kind} view contradict each other: sides are taken as unknown"
        return ("right" if first == "L" else "left" if first == "R" else None), None
    if lateral:
        return None, None
    if view in _FRONTAL_VIEWS:
        return "right", (
            f"the header gives the view ({view}) but no PatientOrientation: the film is taken to hang the usual way, "
            "the patient's left at the right of the picture"
        )
    return None, None


def ways_of(dataset: Dataset) -> list[str] | None:
    """PatientOrientation: the ways the rows and the columns run, such as L and F.

    Returns:
        two words, empty where the header names none of the two; no word where it says nothing; ``None`` if it says
        something else.
    """
    try:
        value = dataset.get("PatientOrientation")
        parts = str(value or "").split("\\") if isinstance(value, str) or not value else [str(part) for part in value]
    # pydicom converts values when they are asked for, and damaged ones raise nearly anything
    except Exception:
        return None
    words = [part.strip().upper() for part in parts]
    if not any(words):
        return []
    # also quadrupeds have ways; of theirs only those of people are of use here
    if len(words) != 2 or not all(set(word) <= set("LRAPHF") for word in words):
        return None
    # rows and columns stand at right angles: "L and R" says nothing
    return None if all(words) and any({word[0] for word in words} <= axis for axis in _AXES) else words


def contradictions(header: Header, frame: int, plane: Plane | None, side: Side | None) -> list[str]:
    """Notes on two statements about a side that cannot both be true: of the header's tags, and of the file's name."""
    notes, dataset = [], header.dataset
    ways = ways_of(dataset)
    if plane is not None and side is not None and ways and ways[0][:1] in ("L", "R"):
        other = "right" if ways[0][0] == "L" else "left"
        if other != side:
            notes.append(
                f"{named('PatientOrientation')} and {named('ImageOrientationPatient')} contradict each other about "
                "left and right: the latter is taken"
            )
    stated = {
        keyword: found
        for keyword, holder in (
            ("FrameLaterality", group_of(dataset, "FrameAnatomySequence", frame)),
            ("ImageLaterality", dataset),
            ("Laterality", dataset),
        )
        if (found := text(holder, keyword).upper()) in ("L", "R")
    }
    if len(set(stated.values())) > 1:
        notes.append(f"{' and '.join(map(named, stated))} contradict each other about the side that is shown")
    elif stated and header.content.path is not None:
        told = _side_in(header.content.path)
        if told is not None and told != next(iter(stated.values())):
            tag = named(next(iter(stated)))
            notes.append(f"the file's name and its {tag} contradict each other about the side that is shown")
    return notes


def _side_in(path: Path) -> str | None:
    """L or R, if the name of a file tells of one of them alone."""
    found = {next(filter(None, match.groups()))[0].upper() for match in _SIDE_IN_NAME.finditer(path.stem)}
    return found.pop() if len(found) == 1 else None
