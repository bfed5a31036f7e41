"""What an answer can be written as: the one registry that the command line, the server and the PACS share.

A format is a name, the ending of its files and a writer, which is a module, imported when it is first needed, or any
object with the same two functions: ``encode`` and, where not everything can be written, ``refuse``. One more format is
one more file that calls :func:`register`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from lexseg.errors import ConfigError
from lexseg.predict.answered import NUMBERS_JSON, OVERLAY_PNG, PNG_MASK, json_bytes

if TYPE_CHECKING:
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


def check_dicom(scan: "Scan", option: str, *, highdicom: bool = False) -> None:
    """For writers of DICOM objects, which refer to DICOM images.

    Args:
        scan: what was asked about.
        option: that asks for the format.
        highdicom: whether it is written by highdicom.

    Raises:
        ConfigError: the images are not from DICOM, or highdicom is not installed.
    """
    if scan.format != "dicom":
        raise ConfigError(
            f"{scan.name}: {option} writes DICOM objects, which refer to DICOM images, and this is "
            f"{_KINDS[scan.format]}; use --format png or nifti"
        )
    if highdicom and find_spec("highdicom") is None:
        raise ConfigError(f"{option} needs highdicom: pip install 'lexseg[dicom]'")


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


_KINDS = {"image": "a PNG, JPEG, TIFF or BMP", "nifti": "NIfTI", "nrrd": "NRRD", "metaimage": "MetaImage"}

PNG = register(Format("png", PNG_MASK, "image/png", _Masks(), served="mask.png"))
NIFTI = register(Format("nifti", "_mask.nii.gz", "application/gzip", "lexseg.outputs.nifti", served="mask.nii.gz"))
SEG = register(Format("seg", "_seg.dcm", "application/dicom", "lexseg.outputs.seg", served="seg.dcm"))
POLYGONS = register(Format("polygons", "_polygons.json", "application/json", "lexseg.outputs.polygons"))
CAPTURE = register(Format("capture", "_capture.dcm", "application/dicom", "lexseg.outputs.capture", "view"))
GSPS = register(Format("gsps", "_gsps.dcm", "application/dicom", "lexseg.outputs.gsps", "view"))
OVERLAY = register(Format("overlay", OVERLAY_PNG, "image/png", _Overlay(), "view", "overlay.png"))
JSON = register(Format("json", NUMBERS_JSON, "application/json", _Numbers(), "numbers", "result.json"))
