"""What DICOM files are, by their SOP class: images, and what only looks like them to a file manager."""

INDEX = "a DICOMDIR, the index of a disc"

NOT_IMAGES = {
    "1.2.840.10008.1.3.10": INDEX,
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
    "1.2.840.10008.5.1.4.1.1.66.1": "a spatial registration",
    "1.2.840.10008.5.1.4.1.1.66.2": "spatial fiducials",
    "1.2.840.10008.5.1.4.1.1.66.3": "a deformable registration",
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation (DICOM SEG)",
    "1.2.840.10008.5.1.4.1.1.66.5": "a surface segmentation",
    "1.2.840.10008.5.1.4.1.1.66.6": "tractography results",
    "1.2.840.10008.5.1.4.1.1.66.7": "a segmentation (DICOM SEG, label map)",
    "1.2.840.10008.5.1.4.1.1.67": "a real world value mapping",
    "1.2.840.10008.5.1.4.1.1.481.2": "a radiotherapy dose (RTDOSE)",
    "1.2.840.10008.5.1.4.1.1.481.3": "a radiotherapy structure set (RTSTRUCT)",
    "1.2.840.10008.5.1.4.1.1.481.4": "a radiotherapy treatment record",
    "1.2.840.10008.5.1.4.1.1.481.5": "a radiotherapy plan (RTPLAN)",
    "1.2.840.10008.5.1.4.1.1.481.8": "a radiotherapy ion plan (RTPLAN)",
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": "a video",
    "1.2.840.10008.5.1.4.1.1.77.1.2.1": "a video",
    "1.2.840.10008.5.1.4.1.1.77.1.4.1": "a video",
}
_FAMILIES = (
    ("1.2.840.10008.5.1.4.1.1.88.59", "a selection of key images (KO)"),
    ("1.2.840.10008.5.1.4.1.1.88.", "a structured report (SR)"),
    ("1.2.840.10008.5.1.4.1.1.104.", "an encapsulated document (PDF, CDA or 3D model)"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a presentation state (PR)"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a waveform such as an ECG"),
    ("1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy object"),
)
_IMAGES_OF_FAMILIES = {"1.2.840.10008.5.1.4.1.1.481.1"}  # radiographs taken at a treatment machine
_BY_MODALITY = {
    "SEG": "a segmentation (DICOM SEG)",
    "RTSTRUCT": "a radiotherapy structure set (RTSTRUCT)",
    "RTDOSE": "a radiotherapy dose (RTDOSE)",
    "RTPLAN": "a radiotherapy plan (RTPLAN)",
    "SR": "a structured report (SR)",
    "KO": "a selection of key images (KO)",
    "PR": "a presentation state (PR)",
    "DOC": "an encapsulated document",
    "ECG": "a waveform such as an ECG",
    "REG": "a spatial registration",
}
PROJECTIONS = frozenset({"CR", "DX", "DR", "MG", "RG", "RF", "XA", "PX", "IO", "RTIMAGE", "DF", "XC"})
"""Modalities whose pictures of one series are films of their own, not slices of a volume."""

FLAT = frozenset({"US", "IVUS", "ES", "GM", "XC", "OP", "SC", "OT", "SM", "DMS", "HC", "ECHO", "EN"})
"""Modalities of pictures that no header places in the patient, and which make no volume either."""

VIDEO = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7.")
"""What the transfer syntaxes of MPEG and HEVC video begin with."""


def not_an_image(sop_class: str, modality: str) -> str | None:
    """What it is, such as "a structured report (SR)"; ``None`` if nothing says that it is no image."""
    if found := NOT_IMAGES.get(sop_class):
        return found
    if sop_class not in _IMAGES_OF_FAMILIES:
        for start, words in _FAMILIES:
            if sop_class.startswith(start):
                return words
    return None if sop_class else _BY_MODALITY.get(modality)
