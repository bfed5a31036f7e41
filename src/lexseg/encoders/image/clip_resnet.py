"""CLIP's ResNet-50, its attention pool kept spatial as CRIS does (Radford et al., 2021; Wang et al., CVPR 2022)."""

from collections.abc import Sequence

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.text.clip import open_clip_weights
from lexseg.errors import ModelError

HUB_ID = "timm/resnet50_clip.openai"
_PREFIX = "visual."


class _Bottleneck(nn.Module):
    """1x1, 3x3, pooling where the stride is 2, 1x1: CLIP never strides a convolution here, it pools first."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.stride = stride
        self.downsample: nn.Module | None = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        if self.stride > 1:
            x, y = F.avg_pool2d(x, self.stride), F.avg_pool2d(y, self.stride)
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn3(self.conv3(y)) + shortcut)


class _Stem(nn.Module):
    """Three 3x3 convolutions and a pooling, to stride 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.conv1, self.bn1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(half)
        self.conv2, self.bn2 = nn.Conv2d(half, half, 3, padding=1, bias=False), nn.BatchNorm2d(half)
        self.conv3, self.bn3 = nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = F.relu(norm(conv(x)))
        return F.avg_pool2d(x, 2)


class SpatialAttentionPool(nn.Module):
    """CLIP's attention pool with every cell as a query, its positions resized, and a 1x1 convolution beside it.

    CLIP asks with the mean alone and gets one vector; CRIS asks with every cell and gets a map. The convolution is
    CRIS's own: CLIP's weights have none for it.

    Args:
        width: of the map.
        outputs: of the result.
        heads: of the attention.
        grid: side of the learned positions.
    """

    def __init__(self, width: int, outputs: int, heads: int, grid: int) -> None:
        super().__init__()
        self.heads, self.grid = heads, grid
        self.positional_embedding = nn.Parameter(torch.randn(grid * grid + 1, width) * width**-0.5)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, outputs)
        self.connect = nn.Sequential(nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, width, h, w]. Returns float[B, outputs, h, w]."""
        h, w = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2) + self._positions(h, w).to(x.dtype)
        q, k, v = (
            p(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        read = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        pooled = self.c_proj(read).transpose(1, 2).unflatten(2, (h, w))
        return F.relu(pooled + self.connect(x))

    def _positions(self, h: int, w: int) -> Tensor:
        own = self.positional_embedding[1:]  # the first is the mean's, which nobody asks with here
        if (h, w) == (self.grid, self.grid):
            return own
        maps = own.T.reshape(1, -1, self.grid, self.grid)
        return F.interpolate(maps, size=(h, w), mode="bicubic", align_corners=False).flatten(2).squeeze(0).T


class ClipResNet50(ImageEncoder):
    """CLIP's ResNet-50: maps of 256, 512, 1024 and 1024 channels, the last through the spatial attention pool.

    Attributes:
        fresh: the part that CLIP's weights do not have: train it even where the rest is frozen.
        text_projection: of CLIP's sentence into the joint space, float[1024, 512]; ``None`` from a random start.
    """

    mean = (0.48145466, 0.4578275, 0.40821073)
    std = (0.26862954, 0.26130258, 0.27577711)

    def __init__(
        self,
        pretrained: bool | str = True,
        width: int = 64,
        layers: Sequence[int] = (3, 4, 6, 3),
        outputs: int = 1024,
        grid: int = 7,
    ) -> None:
        """Build the encoder.

        Args:
            pretrained: true for OpenAI's weights as the hub has them for OpenCLIP, false for a random start, or
                another hub id or folder with an ``open_clip_model.safetensors`` of this shape.
            width: of the stem; blocks are 1, 2, 4, 8 times as wide inside.
            layers: blocks of the four stages.
            outputs: width of the joint space.
            grid: side of the attention pool's learned positions.

        Raises:
            ModelError: the weights cannot be had or are of another shape.
        """
        super().__init__()
        inputs, stages = width, []
        for i, (count, stride) in enumerate(zip(layers, (1, 2, 2, 2), strict=True)):
            inner = width * 2**i
            blocks = [
                _Bottleneck(inputs if b == 0 else 4 * inner, inner, stride if b == 0 else 1) for b in range(count)
            ]
            stages.append(nn.Sequential(*blocks))
            inputs = 4 * inner
        pool = SpatialAttentionPool(inputs, outputs, width // 2, grid)
        self.channels = (4 * width, 8 * width, 16 * width, outputs)
        first, *middle, last = stages
        self.stages = nn.ModuleList([nn.Sequential(_Stem(width), first), *middle, nn.Sequential(last, pool)])
        self.text_projection: Tensor | None = None
        if pretrained:
            self._load(HUB_ID if pretrained is True else pretrained)

    @property
    def fresh(self) -> nn.Module:
        """The convolution beside the attention pool."""
        return self._pool.connect

    @property
    def _pool(self) -> SpatialAttentionPool:
        pool = self.stages[3].get_submodule("1")
        assert isinstance(pool, SpatialAttentionPool)
        return pool

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The stem, the four stages, and the attention pool."""
        groups = [self.stages[0].get_submodule("0"), self.stages[0].get_submodule("1"), *list(self.stages)[1:3]]
        groups += [self.stages[3].get_submodule("0"), self._pool]
        return [list(part.parameters()) for part in groups]

    def _load(self, source: str) -> None:
        """Fill everything but ``fresh`` from OpenCLIP's names."""
        try:
            weights = open_clip_weights(source)
        except (OSError, ValueError, SafetensorError) as error:
            raise ModelError(
                f"CLIP's ResNet-50 cannot be had from {source!r}: {str(error).splitlines()[0]} Name a folder that "
                "holds it (`hf download ID --local-dir FOLDER`), or use a packaged encoder (efficientnet-lite0)."
            ) from error
        places = {"": "stages.0.0.", "layer1.": "stages.0.1.", "layer2.": "stages.1.", "layer3.": "stages.2."}
        places |= {"layer4.": "stages.3.0.", "attnpool.": "stages.3.1."}
        state = {f"stages.3.1.connect.{name}": value for name, value in self.fresh.state_dict().items()}
        state |= {k: v for k, v in self.state_dict().items() if k.endswith("num_batches_tracked")}  # not in every file
        for name, value in weights.items():
            if name.startswith(_PREFIX):
                part, dot, rest = name.removeprefix(_PREFIX).partition(".")
                known = f"{part}{dot}" in places
                state[places[f"{part}."] + rest if known else f"stages.0.0.{part}.{rest}"] = value.float()
        try:
            self.load_state_dict(state, strict=True)
        except RuntimeError as error:
            raise ModelError(f"{source}: not the weights of this CLIP ResNet: {str(error)[:300]}") from error
        self.text_projection = weights["text_projection"].T.float().contiguous()
