"""A mask and what it shows, on its way into a DICOM object."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.language.lexicon import lexicon
from lexseg.outputs.codes import ANYTHING, CodedFinding, finding_of
from lexseg.predict.answered import cannot_tell
from lexseg.predict.volume_segmentation import VolumeSegmentation

if TYPE_CHECKING:
    from lexseg.predict.segmentation import Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A mask and what it shows.

    Attributes:
        mask: bool[frames, H, W] of all frames of the scan; bool[H, W] of a scan of one frame; or the answer about a
            volume, of which only the frames with something are ever unpacked.
        label: what viewers list; written only where the caller allows text, else "Segment 1", "Segment 2", ...
        finding: what it is, as codes.
        description: the sentence; written only where the caller allows it.
        remark: what must be known of it, always written.
    """

    mask: NDArray[np.bool_] | VolumeSegmentation
    label: str = ""
    finding: CodedFinding = field(default=ANYTHING)
    description: str | None = None
    remark: str | None = None

    @classmethod
    def of(cls, result: "Segmentation | VolumeSegmentation") -> "Segment":
        """The answer to a sentence, as a segment; what the sentence names gives the code.

        Raises:
            DataError: if it is not in the model's scope: then nothing was looked for, and an empty segmentation would
                tell a PACS the contrary.
        """
        outside = result.outside
        if outside is not None and not result.anyway:
            raise DataError(f"there is no mask to write, as the question is not in scope: {outside.why}")
        mask = result if isinstance(result, VolumeSegmentation) else result.mask
        finding = finding_of(result.text, lexicon(result.language or "en"), untold=result.untold)
        return cls(mask, result.text or "", finding, result.text, remark_of(result))

    def frames(self) -> list[int]:
        """The numbers of the frames, from 0, in which there is something."""
        if isinstance(self.mask, VolumeSegmentation):
            return sorted(self.mask.bits)
        return [int(n) for n in np.flatnonzero(self._stack().any(axis=(1, 2)))]

    def frame(self, number: int) -> NDArray[np.bool_]:
        """bool[H, W] of a frame, from 0."""
        return self.mask.mask(number) if isinstance(self.mask, VolumeSegmentation) else self._stack()[number]

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, H, W) of the scan that the mask is of."""
        return self.mask.shape if isinstance(self.mask, VolumeSegmentation) else self._stack().shape

    def _stack(self) -> NDArray[np.bool_]:
        assert not isinstance(self.mask, VolumeSegmentation)
        return self.mask[None] if self.mask.ndim == 2 else self.mask


def remark_of(said: "Segmentation | VolumeSegmentation") -> str | None:
    """What a mask says of itself: why it is out of scope and was made anyway, and what it does not tell."""
    remarks = []
    if said.outside is not None and said.anyway:
        remarks.append(f"Made although the question is not in the model's scope: {said.outside.why}.")
    if said.untold:
        remarks.append(cannot_tell(said.untold))
    return " ".join(remarks) or None
