"""An answer as the server keeps it and tells it: numbers, outlines, and the mask packed small. No sentence is in it."""

import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.language.lexicon import lexicon
from lexseg.outputs.codes import finding_of
from lexseg.outputs.formats import FORMATS, PNG, SEG
from lexseg.outputs.polygons import mask_polygons
from lexseg.outputs.segment import remark_of
from lexseg.outputs.wording import for_clients
from lexseg.predict.answered import NOTE, Answered, cautions_of, describe
from lexseg.predict.ask import Denied
from lexseg.predict.ask import Sentence as Asked
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.window import Window

MOST_CORNERS = 50_000  # of outlines; a mask with more is told as a picture only
_TOO_MANY = "the outlines have too many corners to be listed: see the mask"


@dataclass(slots=True, eq=False)
class Result:
    """An answer to a sentence.

    Attributes:
        values: what its JSON says, but for outlines and links.
        shape: (H, W) of a frame.
        frames: that were asked.
        bits: by frame, the mask's bits, packed and compressed; none where nothing was found.
        window: that the model saw the image with; ``None`` for the image's own.
        volume: whether frames were asked as a volume.
        words: the sentence, where it may be written into a file; else ``None``.
        finding: category and kind of what the words name, each a code's value, scheme and meaning.
        remark: what a file of it must say of it; ``None`` for nothing.
        cautions: what stands below its overlay.
        id: what it is called; not to be guessed.
        made: when it was answered, by the clock of the place.
    """

    values: dict[str, Any]
    shape: tuple[int, int]
    frames: range
    bits: Mapping[int, bytes]
    window: Window | None = None
    volume: bool = False
    words: str | None = None
    finding: list[list[str]] = field(default_factory=list)
    remark: str | None = None
    cautions: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    made: datetime = field(default_factory=datetime.now)

    def packed(self, frame: int) -> bytes:
        """The bits of a frame's mask, rows one after the other."""
        size = -(-self.shape[0] * self.shape[1] // 8)
        return zlib.decompress(self.bits[frame]) if frame in self.bits else bytes(size)

    def mask(self, frame: int) -> NDArray[np.bool_]:
        """bool[H, W] of a frame."""
        bits = np.frombuffer(self.packed(frame), np.uint8)
        return np.unpackbits(bits, count=self.shape[0] * self.shape[1]).reshape(self.shape).astype(np.bool_)

    @property
    def shown(self) -> int:
        """The frame that is shown where none is named: of a volume, the one with the most pixels."""
        largest = self.values.get("largest")
        return self.frames.start if largest is None else int(largest["frame"])

    def json(self, frame: int | None, *, seg: bool) -> dict[str, Any]:
        """What is told of it.

        Args:
            frame: whose outlines are told; ``None`` tells none.
            seg: whether it can be had as DICOM SEG.
        """
        polygons, doubts = _outlines(None if frame is None else self.mask(frame))
        values = self.values | {"warnings": self.values["warnings"] + doubts}
        root = f"/v1/results/{self.id}"
        links: dict[str, str | None] = {
            "mask" if format is PNG else format.name: f"{root}/{format.served}"
            for format in FORMATS.values()
            if format.served
        }
        if not seg or self.values["state"] == "not in scope":
            links[SEG.name] = None
        return {"id": self.id} | values | {"polygons": polygons, "links": links, "note": NOTE}


@dataclass(frozen=True, slots=True)
class AskedSentence:
    """One sentence of a question. Attributes: number: from 1; text; finding: its place in a report, if it has one."""

    number: int
    text: str
    finding: Mapping[str, Any] | None = None

    @property
    def asked(self) -> Asked:
        """What is asked: the words, or what the report says is not there."""
        return Denied(self.text) if self.finding and self.finding["negated"] else self.text


def of_frame(sentence: AskedSentence, said: Segmentation, frame: int, *, window: Window | None, keep: bool) -> Result:
    """An answer about a single frame."""
    mask = said.mask
    values = _told(sentence, said, ("area", "box", "n_components")) | {
        "frame": frame,
        "warnings": [for_clients(doubt) for doubt in said.doubts],
    }
    bits = {frame: zlib.compress(np.packbits(mask).tobytes(), 1)} if said.found else {}
    return Result(
        values,
        (mask.shape[0], mask.shape[1]),
        range(frame, frame + 1),
        bits,
        window=window,
        words=sentence.text if keep else None,
        finding=_codes(sentence, said),
        remark=remark_of(said),
        cautions=tuple(cautions_of(said, values)),
    )


def of_volume(sentence: AskedSentence, said: VolumeSegmentation, *, window: Window | None, keep: bool) -> Result:
    """An answer about a range of frames."""
    values = _told(sentence, said, ("voxels", "frames", "frames_found", "frames_not_in_scope", "largest", "ml"))
    voxels, total = values.pop("voxels"), len(said.frames) * said.shape[1] * said.shape[2]
    values |= {
        "area": {"px": voxels, "mm2": None, "fraction": round(voxels / total, 6)},
        "n_components": None,
        "warnings": [for_clients(doubt) for doubt in said.doubts],
    }
    bits = {number: zlib.compress(packed.tobytes(), 1) for number, packed in said.bits.items()}
    return Result(
        values,
        said.shape[1:],
        said.frames,
        bits,
        window=window,
        volume=True,
        words=sentence.text if keep else None,
        finding=_codes(sentence, said),
        remark=remark_of(said),
        cautions=tuple(cautions_of(said, values)),
    )


def _told(sentence: AskedSentence, said: Answered, measures: tuple[str, ...]) -> dict[str, Any]:
    """Which sentence it was and, of the one description of an answer, what a client is told."""
    place = sentence.finding and {key: sentence.finding[key] for key in ("start", "end", "negated")}
    told = describe(said)
    return {"number": sentence.number, "finding": place, **{key: told[key] for key in (*_JUDGED, *measures)}}


_JUDGED = (  # whether it was found, the state says
    *("state", "reason", "explanation", "anyway", "presence", "presence_threshold", "threshold"),
    *("model", "model_sha256", "lexseg", "laterality"),
)


def _codes(sentence: AskedSentence, said: Segmentation | VolumeSegmentation) -> list[list[str]]:
    """What the words name, as codes: these may be kept where the words may not."""
    found = finding_of(sentence.text, lexicon(said.language or "en"), untold=said.untold)
    return [[code.value, code.scheme, code.meaning] for code in (found.category, found.kind)]


def _outlines(mask: NDArray[np.bool_] | None) -> tuple[list[Any], list[str]]:
    if mask is None:
        return [], []
    rings = mask_polygons(mask, MOST_CORNERS)
    return ([], [_TOO_MANY]) if rings is None else (list(rings), [])
