"""The first mask from a box that words name (Lang2Box, LIMIS-style), filled by LiteMedSAM or by a refiner."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from lexseg.errors import ConfigError, TextError
from lexseg.interaction.refining import answer
from lexseg.interaction.session import CorrectionSession
from lexseg.interaction.state import Box, State
from lexseg.models.medsam_lite import LiteMedSAM
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.segmenter import ImageSession
from lexseg.training.lang2box.folder import LoadedLang2Box, Named
from lexseg.training.refiner.fit import gray_of
from lexseg.training.refiner.folder import LoadedRefiner

THERE = 0.5
"""Presence below which a box is taken for none."""
BOXED = "the first mask was made from a box that the words name"
_Fill = Callable[[Named, Segmentation], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """First masks of one image, from boxes.

    Attributes:
        finder: names the box of a sentence.
        image: float32[H, W] or [H, W, 3] in 0..1.
        fill: makes a probability, float32[H, W], of a box.
    """

    finder: LoadedLang2Box
    image: NDArray[np.float32]
    fill: _Fill

    def segmentation(self, said: Segmentation) -> Segmentation:
        """An answer with the mask of its sentence's box in place of its own; without one where nothing is there.

        Raises:
            TextError: it has no sentence.
        """
        if not said.text:
            raise TextError("a box is named by words; write what to find")
        (named,) = self.finder.find(self.image, [said.text])
        probability = self.fill(named, said)
        return replace(
            said,
            probability=probability,
            threshold=0.5,
            presence=named.present,
            presence_threshold=THERE,
            doubts=(*said.doubts, BOXED),
        )

    def begin(self, image: ImageSession, said: Segmentation) -> CorrectionSession:
        """Corrections that begin with the mask of a box; other targets are asked for in the same way.

        Args:
            image: that is asked for other targets.
            said: the model's own answer, whose laterality, spacing and scope hold.
        """

        def look(text: str | None) -> Segmentation:
            return self.segmentation(image.segment(text, laterality=said.laterality, anyway=said.anyway))

        session = CorrectionSession.of(self.segmentation(said), look, image.sides)
        if session.first.area:
            session.first = replace(session.first, box=_pixels(session.mask))
        return session


def by_sam(image: NDArray[np.float32], sam: LiteMedSAM) -> _Fill:
    """LiteMedSAM answers the box.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1; it is looked at once.
        sam: the network.
    """
    shape = (image.shape[0], image.shape[1])
    tensor = torch.from_numpy(np.ascontiguousarray(image if image.ndim == 3 else image[..., None])).permute(2, 0, 1)
    embedding = sam.embed(tensor.expand(3, -1, -1))

    def fill(named: Named, said: Segmentation) -> NDArray[np.float32]:
        probability = sam.mask(embedding, named.box)
        full = F.interpolate(probability[None, None], shape, mode="bilinear", align_corners=False)
        return np.asarray(full[0, 0].numpy(), np.float32)

    return fill


def by_refiner(image: NDArray[np.float32], refiner: LoadedRefiner) -> _Fill:
    """A refiner answers the box, with the model's own probability as the mask so far.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
        refiner: the network.
    """
    gray = gray_of(image)

    def fill(named: Named, said: Segmentation) -> NDArray[np.float32]:
        height, width = gray.shape
        top, left = int(named.box[0] * height), int(named.box[1] * width)
        bottom, right = round(named.box[2] * height), round(named.box[3] * width)
        box: Box = (top, left, max(bottom - top, 1), max(right - left, 1))
        return answer(refiner, gray, replace(State.of(said), box=box))

    return fill


def boxed(finder: LoadedLang2Box, image: NDArray[np.float32], *, sam: bool, refiner: LoadedRefiner | None) -> Boxed:
    """First masks of an image, from boxes.

    Args:
        finder: names the box of a sentence.
        image: float32[H, W] or [H, W, 3] in 0..1.
        sam: whether LiteMedSAM fills the box.
        refiner: fills it where LiteMedSAM does not.

    Raises:
        ConfigError: nothing is named that could fill it.
        ModelError: LiteMedSAM is not installed.
    """
    if sam:
        return Boxed(finder, image, by_sam(image, LiteMedSAM()))
    if refiner is None:
        raise ConfigError(
            "a box alone is no mask; have it filled by LiteMedSAM (--sam) or by a refiner (--refiner DIR)"
        )
    return Boxed(finder, image, by_refiner(image, refiner))


def _pixels(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
