"""Masks straight from the maps of words, to be scored like any model: what is called zero-shot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lexseg.language.sides import Laterality
from lexseg.models.inputs import image_tensor
from lexseg.models.medsam_lite import LiteMedSAM
from lexseg.training.weak import saliency as maps_of
from lexseg.training.weak.masks import SAM, at_size, from_probability, make_mask
from lexseg.training.weak.saliency import FeatureSpread, SaliencyKind, available
from lexseg.training.weak.scored import Scored, load_scored


class WordMaps:
    """Answers with the mask that a map of the words gives; evaluation asks it like a model.

    Args:
        scored: the model that the maps are of.
        saliency: which map; ``None`` takes its best.
        keep: components of a mask.
        sam: whether LiteMedSAM answers the box of each map.
        spread: of the features, for M2IB.

    Attributes:
        threshold: of the probabilities.
        controlled: asked the controls (:data:`lexseg.evaluation.probes.CONTROLS`) where no probes are named.
    """

    threshold = 0.5
    uses_text = True
    controlled = True

    def __init__(
        self,
        scored: Scored,
        saliency: SaliencyKind | None = None,
        *,
        keep: int = 1,
        sam: bool = False,
        spread: FeatureSpread | None = None,
    ) -> None:
        self.scored, self.kind, self.keep, self.spread = scored, saliency or available(scored)[0], keep, spread
        self.sam = LiteMedSAM() if sam else None

    @classmethod
    def from_folder(cls, model: str | Path, *, device: str | None = None) -> "WordMaps":
        """Those of towers or of any other MODEL that has a score.

        Raises:
            ModelError: it has none.
        """
        return cls(load_scored(model, device=device))

    @property
    def name(self) -> str:
        """The model's folder or name, without the way to it, and which of its maps this is."""
        return f"{Path(self.scored.name).name} ({self.kind})"

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the towers' weights."""
        return self.scored.sha256 or None

    @property
    def laterality(self) -> Laterality | None:
        """Whose left "left" means in the towers' training: ``image`` or ``patient``."""
        return self.scored.laterality

    def segment_batch(
        self, images: Sequence[NDArray[Any]], texts: Sequence[Sequence[str | None]], tta: bool = False
    ) -> list[list[NDArray[np.float32]]]:
        """Probabilities float32[H, W] for each image and each of its sentences; ``tta`` changes nothing."""
        answers = []
        for picture, asked in zip(images, texts, strict=True):
            image = image_tensor(picture)
            prepared = self.scored.prepared(image)
            sam = None if self.sam is None else SAM(self.sam, image.expand(3, -1, -1))
            copies = prepared.expand(len(asked), -1, -1, -1)
            maps = maps_of.saliency(self.scored, copies, asked, self.kind, spread=self.spread)
            size = (int(image.shape[-2]), int(image.shape[-1]))
            answers.append([self._answer(self.scored.of_image(found, size), size, sam) for found in maps])
        return answers

    def _answer(self, found: torch.Tensor, size: tuple[int, int], sam: SAM | None) -> NDArray[np.float32]:
        probable = self.kind == "mask"
        made = from_probability(found, keep=self.keep) if probable else make_mask(found, keep=self.keep, sam=sam)
        return at_size(made.probability, size)
