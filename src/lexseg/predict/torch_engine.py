"""Networks run by torch."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.batch import TextBatch, no_words
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError
from lexseg.language.sides import names_place
from lexseg.models.base import Features, SegmentationModel
from lexseg.models.device import device_of
from lexseg.predict.engine import Encoded, Engine, EngineName


class TorchEngine(Engine):
    """Runs a network by torch, on a CPU or a GPU.

    Args:
        model: the network.
        text_encoder: what reads the sentences; ``None`` for an image-only model.
        device: where to run; ``None`` takes a GPU where there is one.

    Raises:
        ConfigError: the device cannot be used.
    """

    kind: ClassVar[EngineName] = "torch"

    def __init__(
        self,
        model: SegmentationModel,
        text_encoder: TextEncoder | None,
        device: torch.device | str | None = None,
    ) -> None:
        self._device = device_of(device)
        try:
            # channels last is what convolutions on a CPU are fastest with
            model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        except RuntimeError as error:
            raise ConfigError(
                f"the device {str(self._device)!r} cannot hold the model: {str(error).splitlines()[0]}; try 'cpu'"
            ) from error
        self.model = model.eval()
        self.method, self.device, self.says_presence = model.name, str(self._device), model.presence is not None
        self.reader = self.text_encoder = text_encoder if model.uses_text else None
        # sentences are patient data: never cached on disk here
        self._pipeline = None if self.text_encoder is None else TextPipeline(self.text_encoder.to(self._device))

    def look(self, images: NDArray[np.float32]) -> Encoded:
        with torch.inference_mode():
            inputs = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            features = self.model.encode_image(inputs)
        return Encoded(features.maps, features.size, features.ready)

    def answer(
        self, encoded: Encoded, rows: Sequence[int], texts: Sequence[str | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        chosen = encoded if list(rows) == list(range(len(encoded))) else encoded.rows(rows)
        with torch.inference_mode():
            words = self.words(texts)
            if self.model.reads_places:
                places = torch.tensor([names_place(text or "") for text in texts], device=self._device)
                words = replace(words, names_place=places)
            said = self.model.decode(Features(chosen.maps, chosen.size, chosen.ready), words)
            presence = None if said.presence is None else said.presence.float().cpu().numpy()
            return said.logits.float().cpu().numpy(), presence

    def words(self, texts: Sequence[str | None]) -> TextBatch:
        batch = no_words(texts) if self._pipeline is None else self._pipeline(texts)
        return batch.to(self._device)

    def join(self, parts: Sequence[Encoded]) -> Encoded:
        maps = [torch.cat([part.maps[k] for part in parts]) for k in range(len(parts[0].maps))]
        ready = {name: torch.cat([part.ready[name] for part in parts]) for name in parts[0].ready}
        return Encoded(maps, parts[0].size, ready)
