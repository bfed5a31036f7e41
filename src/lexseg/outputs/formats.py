"""What an answer can be written as, and its files: the registry that the command line, the server and the PACS share.

A format is a name, the ending of its files and a writer, which is a module, imported when it is first needed, or any
object with the same two functions: ``encode`` and, where not everything can be written, ``refuse``. One more format is
one more file that calls :func:`register`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Union, cast

from lexseg.errors import ConfigError, check_flags
from lexseg.predict.answered import NOTE, NUMBERS_JSON, OVERLAY_PNG, PNG_MASK, caption_of, describe, json_bytes

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from lexseg.outputs.segment import Segment
    from lexseg.predict.segmentation import Segmentation
    from lexseg.predict.volume_segmentation import VolumeSegmentation
    from lexseg.scans.scan import Scan
    from lexseg.scans.window import Window

Holds = Literal["mask", "view", "numbers"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Written:
    """What is to be written, and how.

    Attributes:
        answer: about an image, or about a volume.
        scan: what it is about; ``None`` where only arrays are known, of which nothing medical can be written.
        frame: which frame ``picture`` shows.
        picture: that frame with what was found drawn in; ``None`` where nobody has drawn it.
        values: what the JSON says.
        window: as the frames were shown to the model; ``None`` is the scan's own.
        segment: the mask and its codes, where the sentence itself is not known; ``None`` takes them from the answer.
        include_text: whether sentences may be written. They may tell of a patient.
        bare: whether the DICOM SEG of a film gets no plane, rather than a made-up one.
        model_name: what segmented.
        model_version: of the model, such as the SHA-256 of its weights.
        uid: SOPInstanceUID of a DICOM object; ``None`` makes one up.
        made: when a DICOM object was made; ``None`` is now.
    """

    answer: "Segmentation | VolumeSegmentation"
    scan: "Scan | None" = None
    frame: int = 0
    picture: "Image.Image | None" = None
    values: Mapping[str, Any] = field(default_factory=dict)
    window: "Window | None" = None
    segment: "Segment | None" = None
    include_text: bool = False
    bare: bool = False
    model_name: str = ""
    model_version: str = ""
    uid: str | None = None
    made: "datetime | None" = None

    @property
    def asked_scan(self) -> "Scan":
        """The scan, for what cannot be written without."""
        if self.scan is None:
            raise ValueError("this format is written of scans")
        return self.scan

    def shows(self) -> "Segment":
        """The mask and what it shows, for DICOM.

        Raises:
            DataError: the question is not in the model's scope, so that there is nothing to show.
        """
        if self.segment is not None:
            return self.segment
        from lexseg.outputs.segment import Segment

        return Segment.of(self.answer)


class Writer(Protocol):
    """What writes a format: a module, or an object. ``refuse(scan, option)`` may be left out."""

    def encode(self, what: Written) -> Mapping[str, bytes]:
        """The files of an answer by the endings of their names; none where an empty one would mislead."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that an answer can become.

    Attributes:
        name: as ``--format`` names it; of what shows and is no mask, as its own option does (``--capture``).
        ending: of its files' names, after the stem; of a volume there may be several, with numbers before it.
        media: its media type.
        writer: a module's name, or any :class:`Writer`.
        holds: the ``mask``; a ``view`` for programs that show no masks; or ``numbers``.
        served: what the server calls it under ``/v1/results/{id}/``; empty where it does not make it of an upload.
    """

    name: str
    ending: str
    media: str
    writer: str | Writer
    holds: Holds = "mask"
    served: str = ""

    @property
    def option(self) -> str:
        """How a user asks for it."""
        return f"--format {self.name}" if self.holds == "mask" else f"--{self.name}"

    @property
    def _writes(self) -> Writer:
        return cast(Writer, import_module(self.writer)) if isinstance(self.writer, str) else self.writer

    def encode(self, what: Written) -> dict[str, bytes]:
        """The files of an answer, by the endings of their names."""
        return dict(self._writes.encode(what))

    def check(self, scan: "Scan") -> None:
        """Refuse what cannot be written, before anything is computed.

        Raises:
            ConfigError: it cannot be written of this scan, or not with what is installed.
            DataError: the scan lacks what it needs.
        """
        refuse = getattr(self._writes, "refuse", None)
        if refuse is not None:
            refuse(scan, self.option)


FORMATS: dict[str, Format] = {}


def register(format: Format) -> Format:
    """Have one more format; one of the same name is replaced."""
    FORMATS[format.name] = format
    return format


def names(holds: Holds = "mask") -> list[str]:
    """What there is of a kind, in the order of registration."""
    return [format.name for format in FORMATS.values() if format.holds == holds]


def format_of(name: str) -> Format:
    """A format by its name.

    Raises:
        ConfigError: there is none of this name.
    """
    if name not in FORMATS:
        raise ConfigError(f"the format {name!r}: one of {', '.join(FORMATS)} was expected")
    return FORMATS[name]


class _Masks:
    """A PNG of an image, or one for each frame of a volume that was asked."""

    def encode(self, what: Written) -> dict[str, bytes]:
        """``_mask.png``, or ``_0012_mask.png`` and so on."""
        from lexseg.outputs.overlay import mask_png
        from lexseg.predict.segmentation import Segmentation

        answer = what.answer
        if isinstance(answer, Segmentation):
            return {PNG_MASK: mask_png(answer.mask)}
        digits = max(4, len(str(answer.shape[0])))
        return {f"_{frame:0{digits}d}{PNG_MASK}": mask_png(answer.mask(frame)) for frame in answer.frames}


class _Overlay:
    """The frame with what was found drawn in."""

    def encode(self, what: Written) -> dict[str, bytes]:
        """``_overlay.png``."""
        from lexseg.outputs.overlay import png

        assert what.picture is not None
        return {OVERLAY_PNG: png(what.picture)}


class _Numbers:
    """All that is told of an answer."""

    def encode(self, what: Written) -> dict[str, bytes]:
        """``.json``."""
        return {NUMBERS_JSON: json_bytes(what.values)}


PNG = register(Format("png", PNG_MASK, "image/png", _Masks(), served="mask.png"))
NIFTI = register(Format("nifti", "_mask.nii.gz", "application/gzip", "lexseg.outputs.nifti", served="mask.nii.gz"))
SEG = register(Format("seg", "_seg.dcm", "application/dicom", "lexseg.outputs.seg", served="seg.dcm"))
POLYGONS = register(Format("polygons", "_polygons.json", "application/json", "lexseg.outputs.polygons"))
CAPTURE = register(Format("capture", "_capture.dcm", "application/dicom", "lexseg.outputs.capture", "view"))
GSPS = register(Format("gsps", "_gsps.dcm", "application/dicom", "lexseg.outputs.gsps", "view"))
OVERLAY = register(Format("overlay", OVERLAY_PNG, "image/png", _Overlay(), "view", "overlay.png"))
JSON = register(Format("json", NUMBERS_JSON, "application/json", _Numbers(), "numbers", "result.json"))


# --- an answer's files, of the formats that are asked for ---------------------------

AnyAnswer = Union["Segmentation", "VolumeSegmentation"]
Encode = Callable[[AnyAnswer, int, "Image.Image"], Mapping[str, bytes]]
"""Gives the files that hold the masks, by the endings of their names; from an answer, and the overlay of a frame."""


def result_files(folder: Path, stem: str, masks: Collection[str] = (PNG.ending,)) -> list[Path]:
    """The files of one result.

    Args:
        folder: where they are.
        stem: the beginning of the names.
        masks: the endings of the names of the files that hold the mask.
    """
    return [folder / f"{stem}{ending}" for ending in (*masks, OVERLAY.ending, JSON.ending)]


def result_contents(
    folder: Path,
    stem: str,
    image: "NDArray[np.float32]",
    result: "Segmentation",
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
    from lexseg.outputs.overlay import draw_overlay

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
        format: of the masks, one of :func:`names`; ``auto`` is PNG for one frame, NIfTI for a volume, if that can hold
            it. A volume as PNG is a file for each frame.
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

    def __post_init__(self) -> None:
        given = (self.capture, self.gsps, self.include_text, self.bare)
        if not all(isinstance(each, bool) for each in given):
            check_flags(**dict(zip(("capture", "gsps", "include_text", "bare"), given, strict=True)))

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

    def check(self, scan: "Scan") -> None:
        """Refuse what cannot be written, before anything is computed.

        Raises:
            ConfigError: if DICOM is asked for of images that are not, or highdicom is not installed; NIfTI of frames
                that it cannot hold; or a presentation state of colours.
            DataError: if a presentation state is asked for of slices with scales of their own.
        """
        masks = [] if self.format == "auto" else [format_of(self.format)]
        for format in (*masks, *self._views):
            format.check(scan)

    def note(self, scan: "Scan") -> str | None:
        """What is to be said of the format that is written because another cannot be."""
        reason = _why_no_nifti(scan) if self.format == "auto" else None
        return None if reason is None else f"the masks are written as PNG: {reason.split('; ')[0]}"

    def kind(self, scan: "Scan") -> str:
        """The format that masks of a scan are written in, where ``auto`` is settled."""
        if self.format != "auto":
            return self.format
        return NIFTI.name if scan.is_volume and _why_no_nifti(scan) is None else PNG.name

    def encoder(self, scan: "Scan", window: "Window | None" = None) -> Encode:
        """What turns an answer about the scan, and the overlay of one of its frames, into files by their endings.

        Args:
            scan: the images.
            window: as they were shown to the model; ``None`` is the first of ``scan.windows``.
        """
        formats = (format_of(self.kind(scan)), *self._views)

        def encode(result: AnyAnswer, frame: int, picture: "Image.Image") -> dict[str, bytes]:
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


def _why_no_nifti(scan: "Scan") -> str | None:
    if not scan.is_volume:  # nor is a reader of volumes needed to say so
        return None
    try:
        NIFTI.check(scan)
    except ConfigError as error:
        return str(error).removeprefix(f"{scan.name}: ")
    return None
