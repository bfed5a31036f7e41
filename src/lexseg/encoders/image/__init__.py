"""Image encoders that give a feature pyramid, by name."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.errors import ModelError
from lexseg.extensions import from_outside, outside

if TYPE_CHECKING:
    from lexseg.encoders.image.base import ImageEncoder

# Modules are imported only when asked for, so that listing names costs nothing.
ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "efficientnet-lite0": ("lexseg.encoders.image.efficientnet_lite:EfficientNetLite0", {}),
    "efficientnet-lite2": ("lexseg.encoders.image.efficientnet_lite2:EfficientNetLite2", {}),
    "convnext-tiny": ("lexseg.encoders.image.convnext:ConvNeXt", {"size": "tiny"}),
    "convnext-small": ("lexseg.encoders.image.convnext:ConvNeXt", {"size": "small"}),
    "convnext-base": ("lexseg.encoders.image.convnext:ConvNeXt", {"size": "base"}),
    "res2net-50": ("lexseg.encoders.image.res2net:Res2Net50", {}),
    "mscan-tiny": ("lexseg.encoders.image.mscan:MSCAN", {"size": "tiny"}),
    "mscan-small": ("lexseg.encoders.image.mscan:MSCAN", {"size": "small"}),
    "mscan-base": ("lexseg.encoders.image.mscan:MSCAN", {"size": "base"}),
    "clip-resnet50": ("lexseg.encoders.image.clip_resnet:ClipResNet50", {}),
}


def create_image_encoder(name: str, *, frozen: bool = False, **kwargs: Any) -> "ImageEncoder":
    """Build an image encoder.

    Args:
        name: a key of :data:`ENCODERS`, or of an encoder from outside (:mod:`lexseg.extensions`).
        frozen: whether it will stay in evaluation mode for good.
        kwargs: keywords of the encoder. All take ``pretrained``: true for its usual weights, false for a random start,
            or a string that names others: an encoder folder (:mod:`lexseg.encoders.image.folder`), or what the encoder
            says (a file, a folder or a hub id).

    Raises:
        ModelError: the name is unknown, or the weights cannot be had.
        ValueError: a keyword means nothing for a frozen encoder.
    """
    if frozen and kwargs.get("even_scale"):
        raise ValueError("even_scale measures the maps in training, and a frozen encoder is not in training")
    build, preset = _found(name)
    from lexseg.encoders.image.folder import is_encoder_folder, load_encoder

    weights = kwargs.get("pretrained")
    folder = Path(weights).expanduser() if isinstance(weights, str) and is_encoder_folder(weights) else None
    if folder is not None:
        kwargs["pretrained"] = False
    encoder: ImageEncoder = build(**{**preset, **kwargs})
    if folder is not None:
        load_encoder(folder, encoder, name)
    return encoder


def _found(name: str) -> tuple[Any, dict[str, Any]]:
    """What builds an encoder, and the keywords that its name stands for."""
    if name in ENCODERS:
        place, preset = ENCODERS[name]
        module, _, attribute = place.partition(":")
        return getattr(import_module(module), attribute), preset
    if (build := from_outside("image_encoders", name)) is None:
        known = ", ".join([*ENCODERS, *outside("image_encoders")])
        raise ModelError(f"no image encoder is called {name!r}; there are: {known}")
    return build, {}
