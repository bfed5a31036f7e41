"""Lang2Box as a folder: ``lang2box.json``, ``lang2box.safetensors``; the frozen encoders are named, not copied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ModelError
from lexseg.models.lang2box import Lang2Box
from lexseg.models.medsam_lite import Box
from lexseg.training.beside import read_weights, unreadable, write_weights

NAME, FORMAT = "lang2box", 1
ABOUT, WEIGHTS = f"{NAME}.json", f"{NAME}.safetensors"


@dataclass(frozen=True, slots=True)
class Named:
    """What a sentence names. Attributes: box: (top, left, bottom, right) in 0..1; present: how likely it is there."""

    box: Box
    present: float


@dataclass(frozen=True, slots=True, eq=False)
class LoadedLang2Box:
    """A Lang2Box that was read. Attributes: network, not training; reader of sentences; size of its images; sha256."""

    network: Lang2Box
    reader: TextPipeline
    size: int
    sha256: str

    @torch.inference_mode()
    def find(self, image: NDArray[np.float32], sentences: Sequence[str]) -> list[Named]:
        """The box of each sentence.

        Args:
            image: float32[H, W] or [H, W, 3] in 0..1.
            sentences: in the convention of the data that it was trained on.

        Raises:
            TextError: a sentence is longer than the text encoder reads.
        """
        picture = square(image, self.size)[None].expand(len(sentences), -1, -1, -1)
        found = self.network(picture, self.reader(list(sentences)))
        boxes = found.boxes.double().numpy()
        return [Named(_corners(box), float(p)) for box, p in zip(boxes, found.present.sigmoid(), strict=True)]


def square(image: NDArray[np.float32], size: int) -> Tensor:
    """An image, float32[H, W] or [H, W, 3], stretched: float[3, size, size]."""
    tensor = torch.from_numpy(np.ascontiguousarray(image if image.ndim == 3 else image[..., None])).permute(2, 0, 1)
    return F.interpolate(tensor[None].float(), (size, size), mode="bilinear", antialias=True)[0].expand(3, -1, -1)


def _corners(box: NDArray[np.float64]) -> Box:
    ends = np.clip([box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2], 0, 1)
    top, left = min(float(ends[0]), 0.99), min(float(ends[1]), 0.99)
    return top, left, max(float(ends[2]), top + 0.01), max(float(ends[3]), left + 0.01)


def write_lang2box(
    output: Path, network: Lang2Box, *, arguments: Mapping[str, Any], text: Mapping[str, Any], fingerprint: str,
    size: int, how: Mapping[str, Any],
) -> None:  # fmt: skip
    """Make the folder, whole or not at all.

    Args:
        output: the folder; it must not hold anything yet.
        network: trained.
        arguments: of its constructor.
        text: configuration of the text encoder.
        fingerprint: of that encoder.
        size: side in pixels that images are stretched to.
        how: plain values that say how it came about; no sentence and no path.
    """
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("encoder.")}
    about = {
        "lexseg_lang2box": FORMAT,
        "arguments": dict(arguments),
        "text_encoder": dict(text),
        "text_encoder_sha256": fingerprint,
        "size": size,
        "how": dict(how),
    }
    write_weights(output, NAME, own, about)


def load_lang2box(folder: Path) -> LoadedLang2Box:
    """Read a Lang2Box, strictly.

    Raises:
        ModelError: the folder is none, is damaged, or was trained with another text encoder.
    """
    about, content = read_weights(folder, NAME, "Lang2Box")
    try:
        arguments, text, size = dict(about["arguments"]), dict(about["text_encoder"]), int(about["size"])
        fingerprint = str(about["text_encoder_sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(folder, NAME, "Lang2Box", error) from error
    reader = create_text_encoder(text)
    if reader.fingerprint() != fingerprint:
        raise ModelError(f"{folder}: was trained with another version of the text encoder {reader.name!r}")
    try:
        network = Lang2Box(**arguments)
        kept = {f"encoder.{name}": tensor for name, tensor in network.encoder.state_dict().items()}
        network.load_state_dict(load(content) | kept, strict=True)
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: {ABOUT} and {WEIGHTS} do not fit: {error}") from error
    return LoadedLang2Box(network.eval().requires_grad_(False), TextPipeline(reader), size, about["weights_sha256"])
