"""ConvNeXt (Liu et al. 2022) from ``transformers``, without its classifier."""

from pathlib import Path
from typing import Any, Literal

from torch import nn
from transformers import ConvNextConfig, ConvNextModel

from lexseg.encoders.image.base import ImageEncoder
from lexseg.errors import ModelError

# Depths and widths of the stages, and the hub id of the ImageNet weights.
SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...], str]] = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768), "facebook/convnext-tiny-224"),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768), "facebook/convnext-small-224"),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024), "facebook/convnext-base-224"),
}


class ConvNeXt(ImageEncoder):
    """ConvNeXt tiny (27.8 M parameters), small or base; the stages' outputs as they are, as LanGuideMedSeg takes them.

    SISTER: ConvNeXt-Tiny, all of it trained, is the image encoder of TMCA's base recipe.

    Attributes:
        stages: four modules, the first with the patch embedding.
    """

    def __init__(
        self,
        size: Literal["tiny", "small", "base"] = "tiny",
        pretrained: bool | str = True,
        drop_path: float = 0.0,
    ) -> None:
        """Build the encoder.

        Args:
            size: ``tiny``, ``small`` or ``base``.
            pretrained: true for the usual ImageNet weights of the hub, false for a random start (no network needed), or
                a hub id or folder of another ConvNeXt of this size.
            drop_path: stochastic depth of the deepest block, 0 to 1; it grows linearly from 0.

        Raises:
            ModelError: the size is unknown, or the weights cannot be had or are of another size.
        """
        super().__init__()
        if size not in SIZES:
            raise ModelError(f"ConvNeXt has no size {size!r}; there are: {', '.join(SIZES)}")
        depths, widths, hub_id = SIZES[size]
        config = ConvNextConfig(depths=list(depths), hidden_sizes=list(widths), drop_path_rate=drop_path)
        source = hub_id if pretrained is True else pretrained
        model = _load(source, config) if source else ConvNextModel(config)
        self.channels = widths
        first, *rest = model.encoder.stages
        # The pooled output's norm is left behind: nothing here would train it.
        self.stages = nn.ModuleList([nn.Sequential(model.embeddings, first), *rest])

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The patch embedding, then the four stages."""
        embeddings, first = self.stages[0].children()
        stages = [first, *list(self.stages)[1:]]
        return [list(embeddings.parameters()), *(list(stage.parameters()) for stage in stages)]


def _load(source: str, config: ConvNextConfig) -> ConvNextModel:
    try:
        loaded: Any = ConvNextModel.from_pretrained(source, config=config, output_loading_info=True)
    except (OSError, RuntimeError, ValueError) as error:
        where = "folder" if Path(source).is_dir() else "hub id"
        raise ModelError(
            f"ConvNeXt weights cannot be had from the {where} {source!r}: {str(error).splitlines()[0]} "
            "Name a folder that holds them, or use pretrained=False or a packaged encoder (efficientnet-lite0)."
        ) from error
    model: ConvNextModel
    model, info = loaded
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ModelError(
            f"{source!r}: not the weights of this size of ConvNeXt: {sorted(info['missing_keys'])[:3]} missing"
        )
    return model
