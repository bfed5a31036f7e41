"""Answers as files: of the formats that are asked for, and what each of them is named and holds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.outputs.formats import CAPTURE, FORMATS, GSPS, JSON, NIFTI, OVERLAY, PNG, Format, Written, format_of
from lexseg.outputs.overlay import draw_overlay
from lexseg.predict.answered import NOTE, caption_of, describe
from lexseg.predict.segmentation import Segmentation
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window

if TYPE_CHECKING:
    from lexseg.predict.volume_segmentation import VolumeSegmentation

AnyAnswer = Union[Segmentation, "VolumeSegmentation"]
Encode = Callable[[AnyAnswer, int, Image.Image], Mapping[str, bytes]]
"""Gives the files that hold the masks, by the endings of their names; from an answer, and the overlay of a frame."""


def result_files(folder: Path, stem: str, masks: Collection[str] = (PNG.ending,)) -> list[Path]:
    """The files of one result.

    Args:
        folder: where they are.
        stem: the beginning of the names.
        masks: the endings of the names of the files that hold the mask.
    """
    return [folder / f"{stem}{ending}" for ending in (*masks, OVERLAY.ending, JSON.ending)]


def names_of(contents: Mapping[Path, bytes], stem: str) -> dict[str, str | None]:
    """The names of a result's files, by what they hold; of :func:`result_contents`."""
    views = {format.ending: format.name for format in FORMATS.values() if format.holds != "mask"}
    found: dict[str, str | None] = {"mask": None}
    for path in contents:
        kind = views.get(path.name[len(stem) :], "mask")
        found[kind] = found.get(kind) or path.name
    return found


def result_contents(
    folder: Path,
    stem: str,
    image: NDArray[np.float32],
    result: Segmentation,
    record: Mapping[str, Any],
    *,
    include_text: bool = False,
    encode: Encode | None = None,
    caption: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """``<stem>_mask.png`` (0 and 255), ``<stem>_overlay.png`` and ``<stem>.json``, which are to be written together.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        image: float32[H, W] or [H, W, 3] in 0..1.
        result: the segmentation of it.
        record: what else the JSON is to say, first.
        include_text: whether the sentence may be written, into the JSON and on the overlay. It may tell of a patient.
        encode: gives the files that hold the mask; ``None`` is a PNG.
        caption: stands below the overlay, after what always does.

    Returns:
        what the JSON holds, and each file's bytes.
    """
    mask = result.mask
    values = dict(record) | describe(result, include_text=include_text)
    picture = draw_overlay(image, mask, caption=[*caption_of(result, values, include_text), *caption])
    what = Written(answer=result, picture=picture, values=values)
    files = PNG.encode(what) if encode is None else dict(encode(result, 0, picture))
    files |= OVERLAY.encode(what) | JSON.encode(what)
    return values, {folder / f"{stem}{ending}": content for ending, content in files.items()}


@dataclass(frozen=True, slots=True)
class Outputs:
    """How masks are written.

    Attributes:
        format: of the masks, one of :func:`lexseg.outputs.formats.names`; ``auto`` is PNG for one frame, NIfTI for a
            volume, if that can hold it. A volume as PNG is a file for each frame.
        capture: whether the overlay is also written as a DICOM secondary capture.
        gsps: whether the outlines are also written as a DICOM presentation state.
        include_text: whether sentences may be written into DICOM. They may tell of a patient.
        bare: whether the DICOM SEG of a film gets no plane, rather than a made-up one.
        model_name: what segmented.
        model_version: of the model, such as the SHA-256 of its weights.
    """

    format: str = "auto"
    capture: bool = False
    gsps: bool = False
    include_text: bool = False
    bare: bool = False
    model_name: str = ""
    model_version: str = ""

    @property
    def _views(self) -> list[Format]:
        return [format for format, asked in ((CAPTURE, self.capture), (GSPS, self.gsps)) if asked]

    @property
    def endings(self) -> tuple[str, ...]:
        """What the names of the files may end in, after the stem; of a volume as PNG, there are more."""
        masks = [PNG, NIFTI] if self.format == "auto" else [format_of(self.format)]
        return tuple(format.ending for format in (*masks, *self._views))

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
        masks = [] if self.format == "auto" else [format_of(self.format)]
        for format in (*masks, *self._views):
            format.check(scan)

    def note(self, scan: Scan) -> str | None:
        """What is to be said of the format that is written because another cannot be."""
        reason = _why_no_nifti(scan) if self.format == "auto" else None
        return None if reason is None else f"the masks are written as PNG: {reason.split('; ')[0]}"

    def kind(self, scan: Scan) -> str:
        """The format that masks of a scan are written in, where ``auto`` is settled."""
        if self.format != "auto":
            return self.format
        return NIFTI.name if scan.is_volume and _why_no_nifti(scan) is None else PNG.name

    def encoder(
        self, scan: Scan, window: Window | None = None
    ) -> "Callable[[AnyAnswer, int, Image.Image], dict[str, bytes]]":
        """What turns an answer about the scan, and the overlay of one of its frames, into files by their endings.

        Args:
            scan: the images.
            window: as they were shown to the model; ``None`` is the first of ``scan.windows``.
        """
        formats = (format_of(self.kind(scan)), *self._views)

        def encode(result: AnyAnswer, frame: int, picture: Image.Image) -> dict[str, bytes]:
            what = Written(
                answer=result,
                scan=scan,
                frame=frame,
                picture=picture,
                window=window,
                include_text=self.include_text,
                bare=self.bare,
                model_name=self.model_name,
                model_version=self.model_version,
            )
            return {ending: content for format in formats for ending, content in format.encode(what).items()}

        return encode


def _why_no_nifti(scan: Scan) -> str | None:
    if not scan.is_volume:  # nor is a reader of volumes needed to say so
        return None
    from lexseg.outputs.nifti import why_no_nifti

    return why_no_nifti(scan)
