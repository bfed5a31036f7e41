"""Masks as files of the format that is asked for: PNG, NIfTI or DICOM SEG, and what viewers without SEG show."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from PIL import Image

from lexseg.errors import ConfigError
from lexseg.outputs.capture import capture_bytes
from lexseg.outputs.description import NOTE
from lexseg.outputs.encoding import PNG_MASK, mask_png
from lexseg.outputs.gsps import gsps_bytes
from lexseg.outputs.nifti import nifti_bytes, why_no_nifti
from lexseg.outputs.results import AnyAnswer
from lexseg.outputs.seg import Segment, seg_bytes
from lexseg.outputs.shades import scale_of
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window

MaskFormat = Literal["auto", "png", "nifti", "seg"]
NIFTI_MASK, SEG, CAPTURE, GSPS = "_mask.nii.gz", "_seg.dcm", "_capture.dcm", "_gsps.dcm"


@dataclass(frozen=True, slots=True)
class Outputs:
    """How masks are written.

    Attributes:
        format: ``auto`` is PNG for one frame, NIfTI for a volume, if that can hold it. A volume as PNG is a file for
            each frame.
        capture: whether the overlay is also written as a DICOM secondary capture.
        gsps: whether the outlines are also written as a DICOM presentation state.
        include_text: whether sentences may be written into DICOM. They may tell of a patient.
        bare: whether the DICOM SEG of a film gets no plane, rather than a made-up one.
        model_name: what segmented.
        model_version: of the model, such as the SHA-256 of its weights.
    """

    format: MaskFormat = "auto"
    capture: bool = False
    gsps: bool = False
    include_text: bool = False
    bare: bool = False
    model_name: str = ""
    model_version: str = ""

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of the files may end in, after the stem; of a volume as PNG, there are more."""
        masks = {"auto": (PNG_MASK, NIFTI_MASK), "png": (PNG_MASK,), "nifti": (NIFTI_MASK,), "seg": (SEG,)}
        return masks[self.format] + ((CAPTURE,) if self.capture else ()) + ((GSPS,) if self.gsps else ())

    @property
    def caption(self) -> tuple[str, ...]:
        """What is to stand below overlays: a picture in a PACS must say itself that it is for research."""
        return (NOTE,) if self.capture else ()

    def check(self, scan: Scan) -> None:
        """Refuse what cannot be written, before anything is computed.

        Raises:
            ConfigError: if DICOM is asked for of images that are not, or highdicom is not installed; NIfTI of frames
                that it cannot hold; or a presentation state of colours.
            DataError: if a presentation state is asked for of slices with scales of their own.
        """
        asked = {"--format seg": self.format == "seg", "--capture": self.capture, "--gsps": self.gsps}
        what = next((option for option, wanted in asked.items() if wanted), None)
        if scan.format != "dicom" and what is not None:
            raise ConfigError(
                f"{scan.name}: {what} writes DICOM objects, which refer to DICOM images, and this is "
                f"{_KINDS[scan.format]}; use --format png or nifti"
            )
        if self.gsps and scan.color:
            raise ConfigError(f"{scan.name}: --gsps is for gray images, and this one is in colour; use --capture")
        if self.gsps:
            scale_of(scan, range(scan.shape[0]))
        needing = "--format seg" if self.format == "seg" else "--gsps" if self.gsps else None
        if needing is not None and find_spec("highdicom") is None:
            raise ConfigError(f"{needing} needs highdicom: pip install 'lexseg[dicom]'")
        if self.format == "nifti" and (reason := why_no_nifti(scan)) is not None:
            raise ConfigError(f"{scan.name}: {reason}")

    def note(self, scan: Scan) -> str | None:
        """What is to be said of the format that is written because another cannot be."""
        reason = why_no_nifti(scan) if self.format == "auto" else None
        return None if reason is None else f"the masks are written as PNG: {reason.split('; ')[0]}"

    def encoder(
        self, scan: Scan, window: Window | None = None
    ) -> "Callable[[AnyAnswer, int, Image.Image], dict[str, bytes]]":
        """What turns an answer about the scan, and the overlay of one of its frames, into files by their endings.

        Args:
            scan: the images.
            window: as they were shown to the model; ``None`` is the first of ``scan.windows``.
        """

        def encode(result: AnyAnswer, frame: int, picture: Image.Image) -> dict[str, bytes]:
            files = self._masks(scan, result)
            if self.capture:
                files[CAPTURE] = capture_bytes(
                    scan, frame, picture, model_version=self.model_version, includes_text=self.include_text
                )
            if self.gsps and result.state != "not in scope":
                files[GSPS] = gsps_bytes(
                    scan,
                    [Segment.of(result)],
                    model_version=self.model_version,
                    window=window,
                    frame=frame,
                    include_text=self.include_text,
                )
            return files

        return encode

    def _masks(self, scan: Scan, result: AnyAnswer) -> dict[str, bytes]:
        kind = self.format
        if kind == "auto":
            kind = "nifti" if scan.is_volume and why_no_nifti(scan) is None else "png"
        if kind == "seg" and result.state == "not in scope":
            return {}  # an empty one would tell a PACS that it was looked for
        if kind == "seg":
            segments = [Segment.of(result)]
            content = seg_bytes(
                scan,
                segments,
                model_name=self.model_name,
                model_version=self.model_version,
                include_text=self.include_text,
                bare=self.bare,
            )
            return {SEG: content}
        if kind == "nifti":
            whole = result.whole() if isinstance(result, VolumeSegmentation) else result.mask
            return {NIFTI_MASK: nifti_bytes(scan, whole)}
        if isinstance(result, VolumeSegmentation):
            digits = max(4, len(str(scan.shape[0])))
            return {f"_{frame:0{digits}d}{PNG_MASK}": mask_png(result.mask(frame)) for frame in result.frames}
        return {PNG_MASK: mask_png(result.mask)}


_KINDS = {"image": "a PNG, JPEG, TIFF or BMP", "nifti": "NIfTI", "nrrd": "NRRD"}
