"""Whether a model knows images of a kind."""

from collections.abc import Sequence
from dataclasses import replace

from lexseg.data.scans.scan import Scan


def noted(scan: Scan, modalities: Sequence[str]) -> Scan:
    """The scan, with a note where it is of a kind that the model has never met: masks on it mean little.

    Args:
        scan: the image or volume.
        modalities: of the model's training images, as DICOM names them; empty if unknown, and then nothing is noted.
    """
    if not modalities or scan.modality is None or scan.modality in modalities:
        return scan
    met = ", ".join(modalities)
    note = f"the model was trained on {met} and not on {scan.modality}: it will paint, but it has not learnt to"
    return replace(scan, notes=(*scan.notes, note))
