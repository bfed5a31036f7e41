"""Pictures of what the model finds on a few validation cases, after each validation."""

import io
from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from lexseg.cases.case import Case
from lexseg.files import replace_file
from lexseg.models.inputs import to_image
from lexseg.training.calibration import found as is_there
from lexseg.training.data_module import CaseDataModule
from lexseg.training.dataset import CaseDataset
from lexseg.training.task import SegmentationTask

TRUTH = (0, 160, 255)
FOUND = (255, 140, 0)  # orange and blue differ for the colour-blind too
TILE = 224
_SEVERAL = 4  # tiles in a row


class SampleOverlays(Callback):
    """Writes ``samples/epoch_012.png``: the truth outlined in blue, the prediction in orange; no sentence on it.

    Stands before the running average in the list of callbacks: it then sees the averaged weights.

    Args:
        folder: where the pictures go.
        cases: the validation cases to draw.
    """

    def __init__(self, folder: Path, cases: Sequence[Case]) -> None:
        self.folder, self.cases = folder, list(cases)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask the model and draw, on the first device alone."""
        assert isinstance(pl_module, SegmentationTask)
        if not trainer.is_global_zero or not self.cases:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, CaseDataModule)
        tiles, fit = [], data.config.data.fit
        dataset = CaseDataset(self.cases, data.size(), fit=fit)
        for i in range(len(dataset)):
            sample = dataset[i]
            image = sample.image.expand(3, -1, -1)[None].to(pl_module.device)
            with torch.no_grad():
                text = data.encode_text([sample.text or None]).to(pl_module.device)
                prediction = pl_module.model(image, text)
            logits = prediction.logits.float()
            own = (sample.mask.shape[-2], sample.mask.shape[-1])
            found = _tile(to_image(logits, own, fit))[0, 0] > 0
            if prediction.presence is not None:
                found &= bool(is_there(prediction.presence.float().cpu().numpy(), pl_module.presence)[0])
            truth = F.interpolate(sample.mask[None], size=(TILE, TILE), mode="nearest-exact")[0, 0] > 0.5
            picture = _tile(to_image(image, own, fit))[0].cpu()
            tiles.append(draw_tile(picture.permute(1, 2, 0).numpy(), truth.numpy(), found.cpu().numpy()))
        self.folder.mkdir(exist_ok=True)
        replace_file(self.folder / f"epoch_{trainer.current_epoch:03d}.png", _sheet(tiles))


def _tile(maps: Tensor) -> Tensor:
    return F.interpolate(maps, size=(TILE, TILE), mode="bilinear", align_corners=False)


def spread(cases: Sequence[Case], n: int) -> list[Case]:
    """At most ``n`` cases, evenly spread over all, so that every manifest has a chance to be seen."""
    n = min(n, len(cases))
    return [cases[i * len(cases) // n] for i in range(n)]


def draw_tile(image: NDArray[np.float32], truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Outline two masks on an image.

    Args:
        image: float[H, W, 3] in 0..1.
        truth: bool[H, W], in blue.
        found: bool[H, W], in orange, over it.

    Returns:
        uint8[H, W, 3].
    """
    tile = (image.clip(0, 1) * 255).round().astype(np.uint8)
    for mask, colour in ((truth, TRUTH), (found, FOUND)):
        # beyond the border counts as inside: a mask that touches it is open there
        tile[mask & ~ndimage.binary_erosion(mask, border_value=1)] = colour
    return tile


def _sheet(tiles: Sequence[NDArray[np.uint8]]) -> bytes:
    columns = min(_SEVERAL, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * TILE, columns * TILE, 3), np.uint8)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        sheet[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = tile
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue()
