"""Masks as NIfTI, on the axes and in the place of the file that they are about."""

import gzip
import io
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from lexseg.errors import ConfigError, DataError
from lexseg.outputs.formats import NIFTI, Written
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.dicom.geometry import plane_of
from lexseg.scans.dicom.series import SAME_PLACE

if TYPE_CHECKING:
    from lexseg.scans.scan import Scan

_LARGEST = 32767  # the longest side that NIfTI-1 can count
_PLACE = ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
_ROWS = ("srow_x", "srow_y", "srow_z")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def nifti_bytes(scan: "Scan", masks: NDArray[np.bool_] | NDArray[np.uint8]) -> bytes:
    """Masks as the bytes of a ``.nii.gz`` file of 0 and 1; label maps as one of their numbers.

    Of a NIfTI file, its own place (affine and codes) and axes; of NRRD and of DICOM, the place that the header gives.
    Where none is given, as for films and PNGs, the file has the spacing and claims no orientation. Equal masks give
    equal bytes, and nothing of the source's free text is taken over.

    Args:
        scan: what the masks are about.
        masks: bool or uint8[frames, H, W], of all its frames as shown; [H, W] will do for one frame.

    Raises:
        DataError: if the masks are not of the scan's shape, or `why_no_nifti` says so.
    """
    stored = scan.to_stored(masks[None] if masks.ndim == 2 else masks)
    if scan.format not in ("nifti", "nrrd", "metaimage"):
        stored = stored.transpose(2, 1, 0)  # columns, rows, frames
    kind: Any = nib.Nifti1Header if max(stored.shape) <= _LARGEST else nib.Nifti2Header
    header = kind()
    header.set_data_shape(stored.shape)
    header.set_data_dtype(np.uint8)
    header.set_slope_inter(1, 0)
    header["descrip"] = b"LexSeg mask; research use only"
    _set_place(header, scan)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as file:
        header["vox_offset"] = header.single_vox_offset
        file.write(header.binaryblock.ljust(int(header.single_vox_offset), b"\0"))  # and no extensions
        for k in range(stored.shape[2]):  # a slice at a time: no second copy of the volume
            file.write(stored[:, :, k].astype(np.uint8).tobytes(order="F"))
    return buffer.getvalue()


def _set_place(header: Any, scan: "Scan") -> None:
    source: Any = scan.source
    if scan.format == "nifti":
        own = source.header
        for name in (*_PLACE, *_ROWS, "xyzt_units"):
            header[name] = own[name]
        header["pixdim"][:4] = own["pixdim"][:4]
        header["pixdim"][4:] = 0
        _without_holes(header)
        return
    header.set_xyzt_units("mm")
    affine = _affine(scan)
    if affine is not None:
        # the sform holds any axes; the quaternion only axes at right angles, so its code says when it does not hold
        header.set_sform(affine, code="scanner")
        header.set_qform(affine, code="scanner", strip_shears=True)
        if not np.allclose(header.get_qform(), affine, atol=1e-3):
            header["qform_code"] = 0
    else:
        row, column = scan.spacing or (0.0, 0.0)
        header["pixdim"][1:4] = column, row, scan.thickness or 0.0
        _without_holes(header)


def _without_holes(header: Any) -> None:
    """Write 1 for lengths that are not known: viewers warn of 0, or refuse it, and the standard has no other word.

    Where nothing is known of the picture's plane, no unit is claimed: voxels count then. Where only the third length is
    unknown, `descrip` says so.
    """
    lengths = np.asarray(header["pixdim"][1:4], np.float64)
    known = np.isfinite(lengths) & (lengths != 0)
    if not known[:2].any():
        header.set_xyzt_units("unknown")
    elif not known[2]:
        header["descrip"] = b"LexSeg mask; research use only; distance of slices not known"
    header["pixdim"][1:4] = np.where(known, lengths, 1)


def _affine(scan: "Scan") -> NDArray[np.float64] | None:
    """From the indices of the stored axes to millimetres RAS; ``None`` where the source has no place."""
    source: Any = scan.source
    if scan.format in ("nrrd", "metaimage"):
        return np.asarray(source.affine, np.float64) if scan.patient_left is not None else None
    if scan.format != "dicom":
        return None
    if (reason := why_no_nifti(scan)) is not None:
        raise DataError(f"{scan.name}: {reason}")
    return None if source.affine is None else np.asarray(_LPS_TO_RAS @ source.affine, np.float64)


def why_no_nifti(scan: "Scan") -> str | None:
    """Why masks of a scan cannot be NIfTI, and what can be done; ``None`` if they can.

    NIfTI has one step from slice to slice. Frames that nothing places at all are written without a place.
    """
    source: Any = scan.source
    if scan.format != "dicom" or not scan.is_volume or source.affine is not None or scan.spacing is None:
        return None
    planes = [plane_of(source.dataset(frame), source.places[frame][1]) for frame in range(scan.shape[0])]
    known = [plane for plane in planes if plane is not None]
    if len(known) < len(planes):
        return None
    if not all(plane.parallel(known[0]) for plane in known):
        return "the frames lie in several directions, which NIfTI cannot hold; write PNG instead"
    heights = np.sort([plane.position @ known[0].normal for plane in known])
    if np.diff(heights).min() < SAME_PLACE:
        return (
            "several frames lie at one place (times, phases or echoes), which NIfTI cannot hold; choose one at each by "
            "the channel, or write PNG"
        )
    return "the frames are not evenly spaced, which NIfTI cannot hold; write a DICOM SEG or PNG instead"


def encode(what: Written) -> dict[str, bytes]:
    """The format's file: the whole scan, empty where it was not asked."""
    answer = what.answer
    masks = answer.whole() if isinstance(answer, VolumeSegmentation) else answer.mask
    return {NIFTI.ending: nifti_bytes(what.asked_scan, masks)}


def refuse(scan: "Scan", option: str) -> None:
    """Raises ``ConfigError`` where NIfTI cannot hold the frames."""
    if (reason := why_no_nifti(scan)) is not None:
        raise ConfigError(f"{scan.name}: {reason}")
