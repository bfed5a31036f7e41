"""The answer to one sentence about a volume. Imports no torch.

What is kept of a volume is packed to a bit a voxel, and nothing at all of frames in which nothing is found.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexseg.language.sides import Laterality
from lexseg.predict.answered import Answerer, Outside, State

if TYPE_CHECKING:
    from lexseg.predict.asker import Asker
    from lexseg.predict.segmentation import Segmentation
    from lexseg.predict.words import Heard
    from lexseg.scans.scan import Scan


@dataclass(frozen=True, slots=True, eq=False)
class VolumeSegmentation:
    """Where in a volume is what the sentence names.

    Attributes:
        shape: (frames, H, W) of the whole scan.
        frames: which of its frames were asked, counted from 0.
        bits: the frames in which something was found: their number in the scan, and the mask's bits, packed.
        presence: float32[len(frames)], for each frame the probability that what the words name is in it; ``None`` where
            the model does not say, or nothing was looked for.
        presence_threshold: below it a frame's mask is empty; ``None`` where the model does not say.
        threshold: a pixel at or above it belongs to the mask, 0..1.
        highest: the highest probability of any pixel, 0..1.
        text: the sentence as it was asked; ``None`` for the null sentence.
        laterality: whose left the sentence's "left" was taken to be; ``None`` where nobody says.
        negated: the sentence says of all it names that it is not there: nothing was looked for.
        spacing: millimetres between pixel centres, (row, column); ``None`` if unknown.
        thickness: millimetres between frames; ``None`` if unknown.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
        untold: of what the words name, what the answer does not tell: kinds, and findings that were not learnt.
        outside_in: the frames about which the question is not in the model's scope, and why.
        anyway: it was looked for in such frames too, as the user wished: a mask there means little.
        model: what answered.
        language: of ``text``, as ISO 639-1 code; ``None`` is English.
    """

    shape: tuple[int, int, int]
    frames: range
    bits: Mapping[int, NDArray[np.uint8]]
    presence: NDArray[np.float32] | None
    presence_threshold: float | None
    threshold: float
    highest: float
    text: str | None = None
    laterality: Laterality | None = None
    negated: bool = False
    spacing: tuple[float, float] | None = None
    thickness: float | None = None
    doubts: tuple[str, ...] = ()
    outside_in: Mapping[int, Outside] = field(default_factory=dict)
    anyway: bool = False
    model: Answerer = field(default_factory=Answerer)
    language: str | None = None
    untold: tuple[str, ...] = ()

    def mask(self, frame: int) -> NDArray[np.bool_]:
        """bool[H, W] of a frame, which is counted as the scan does; empty where it was not asked."""
        size = self.shape[1:]
        if frame not in self.bits:
            return np.zeros(size, np.bool_)
        return np.unpackbits(self.bits[frame], count=size[0] * size[1]).reshape(size).astype(np.bool_)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """bool[len(frames), H, W], of the frames that were asked, as shown."""
        return self._unpacked(self.frames)

    def whole(self) -> NDArray[np.bool_]:
        """bool[frames, H, W] of the whole scan, empty where it was not asked."""
        return self._unpacked(range(self.shape[0]))

    @property
    def found(self) -> bool:
        """Whether any voxel belongs to the mask."""
        return bool(self.bits)

    @property
    def highest_presence(self) -> float | None:
        """Of all frames; ``None`` where the model does not say."""
        return None if self.presence is None else float(self.presence.max(initial=0))

    @property
    def outside(self) -> Outside | None:
        """Why the question is not in the model's scope: of every frame or, where it was asked anyway, of any."""
        if not self.outside_in or not (self.anyway or len(self.outside_in) == len(self.frames)):
            return None
        return Counter(self.outside_in.values()).most_common(1)[0][0]

    @property
    def state(self) -> State:
        """``not in scope`` (in no frame), ``negated``, ``not found`` or ``found``: the first that applies."""
        if self.outside is not None and not self.anyway:
            return "not in scope"
        return "negated" if self.negated else "found" if self.found else "not found"

    def extent(self) -> dict[str, Any]:
        """``size`` of a frame, ``n_frames``, ``spacing`` and ``thickness``, as plain JSON values."""
        return {
            "size": list(self.shape[1:]),
            "n_frames": self.shape[0],
            "spacing": None if self.spacing is None else list(self.spacing),
            "thickness": self.thickness,
        }

    def certainty(self) -> dict[str, Any]:
        """The probabilities of pixels: ``max``, as plain JSON values."""
        return {"max": round(self.highest, 4)}

    def describe(self) -> dict[str, Any]:
        """The masks in numbers, as plain JSON values.

        Returns:
            ``voxels``; ``ml``, null where the spacing or the thickness is unknown; ``frames``, the first and the last
            that were asked; ``frames_found``, the numbers of those in which something was found, and
            ``frames_not_in_scope``, of those about which the question is not in scope; ``largest``, of those in which
            something was found the one with the most pixels, as ``frame``, ``px`` and ``mm2``, or null.
        """
        pixels = {n: int(np.unpackbits(bits).sum()) for n, bits in self.bits.items()}
        voxels = sum(pixels.values())
        area = None if self.spacing is None else self.spacing[0] * self.spacing[1]
        ml = None if area is None or self.thickness is None else round(voxels * area * self.thickness / 1000, 4)
        largest = max(pixels, key=lambda n: pixels[n], default=None)
        return {
            "voxels": voxels,
            "ml": ml,
            "frames": [self.frames.start, self.frames.stop - 1],
            "frames_found": sorted(pixels),
            "frames_not_in_scope": sorted(self.outside_in),
            "largest": None
            if largest is None
            else {
                "frame": largest,
                "px": pixels[largest],
                "mm2": None if area is None else round(pixels[largest] * area, 4),
            },
        }

    def _unpacked(self, frames: range) -> NDArray[np.bool_]:
        masks = np.zeros((len(frames), *self.shape[1:]), np.bool_)
        for number in self.bits:
            if number in frames:
                masks[number - frames.start] = self.mask(number)
        return masks


class FoundSoFar:
    """What was found of a sentence, frame by frame: bits of masks, and nothing of frames in which nothing is.

    Args:
        count: how many frames are asked.
    """

    def __init__(self, count: int) -> None:
        self._presence = np.zeros(count, np.float32)
        self._bits: dict[int, NDArray[np.uint8]] = {}
        self._highest = 0.0
        self._outside: dict[int, Outside] = {}
        self._doubts: dict[str, None] = {}
        self._untold: dict[str, None] = {}

    def take(self, at: int, frame: int, answer: "Segmentation") -> None:
        """Take the answer about a frame, the ``at``-th that is asked."""
        self._highest = max(self._highest, float(answer.probability.max()))
        self._presence[at] = answer.highest_presence or 0.0
        self._doubts |= dict.fromkeys(answer.doubts)
        self._untold |= dict.fromkeys(answer.untold)
        if answer.outside is not None:
            self._outside[frame] = answer.outside
        if answer.found:
            self._bits[frame] = np.packbits(answer.mask)

    def about(self, scan: "Scan", frames: range, heard: "Heard", segmenter: "Asker") -> VolumeSegmentation:
        """The answer about the frames together."""
        sure, negated = segmenter.presence_threshold, heard.settled == "negated"
        everywhere = len(self._outside) == len(frames)
        looked = heard.anyway or not everywhere
        return VolumeSegmentation(
            shape=scan.shape,
            frames=frames,
            bits=self._bits,
            presence=None if negated or sure is None or not looked else self._presence,
            presence_threshold=sure,
            threshold=heard.threshold,
            highest=self._highest,
            text=heard.text,
            language=heard.language,
            laterality=heard.laterality,
            negated=negated,
            spacing=scan.spacing,
            thickness=scan.thickness,
            doubts=tuple(dict.fromkeys(heard.doubts) | self._doubts),
            untold=tuple(self._untold),
            outside_in=self._outside,
            anyway=heard.anyway and (everywhere or not self._outside.keys().isdisjoint(self._bits)),
            model=segmenter.answerer,
        )
