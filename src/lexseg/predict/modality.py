"""Whether a model knows images of a kind."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexseg.scans.scan import Scan


def unfamiliar(modality: str | None, modalities: Sequence[str]) -> str | None:
    """What is to be said where a model has never met an image of this kind: its masks mean little.

    Args:
        modality: of the image, as DICOM names it; ``None`` if unknown.
        modalities: of the model's training images; empty if unknown.
    """
    if not modalities or modality is None or modality in modalities:
        return None
    return f"the model was trained on {', '.join(modalities)} and not on {modality}: it will paint, but not know what"


def noted(scan: "Scan", modalities: Sequence[str]) -> "Scan":
    """The scan, with :func:`unfamiliar` among its notes where it applies."""
    note = unfamiliar(scan.modality, modalities)
    return scan if note is None else replace(scan, notes=(*scan.notes, note))
