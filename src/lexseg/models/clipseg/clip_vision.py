"""CLIP's vision transformer, up to the last block that CLIPSeg taps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, CLIPSegVisionConfig, CLIPSegVisionModel

from lexseg.errors import ModelError
from lexseg.models.clipseg.film_decoder import FiLMDecoder
from lexseg.models.parts.sentence import SentenceVector

HUB_ID = "CIDAS/clipseg-rd64-refined"


class ClipTaps(nn.Module):
    """Tokens after some blocks of a ViT, deepest first; positions are resized bicubically to any size.

    Blocks behind the deepest tap are left out: nothing would read them.

    Args:
        pretrained: true for the refined CLIPSeg weights of the hub, false for a random start, or a hub id or folder of
            another CLIPSeg of this shape.
        width, layers, heads, feedforward: of the transformer; ViT-B as published.
        image_size: that the learned positions are for.
        taps: blocks that are read, counted from 0.

    Attributes:
        channels: widths of the taps.
        has_positions: whether tokens know where they are.
        weights: those of the whole pretrained CLIPSeg, until its decoder has taken its own.
    """

    has_positions = True
    mean: Sequence[float] = (0.485, 0.456, 0.406)  # CLIPSeg's processor normalises as for ImageNet
    std: Sequence[float] = (0.229, 0.224, 0.225)

    def __init__(
        self,
        *,
        pretrained: bool | str = True,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        feedforward: int = 3072,
        image_size: int = 224,
        taps: Sequence[int] = (3, 6, 9),
    ) -> None:
        super().__init__()
        config = CLIPSegVisionConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=feedforward,
            image_size=image_size,
            patch_size=16,
        )
        self.taps, self.channels = tuple(taps), (width,) * len(taps)
        if not taps or sorted(set(taps)) != list(taps) or taps[-1] >= layers:
            raise ValueError(f"taps are {list(taps)}: rising block numbers below {layers} were expected")
        self.weights: dict[str, Tensor] | None = None
        vision: Any = CLIPSegVisionModel(config)
        if pretrained:
            self.weights = _read(HUB_ID if pretrained is True else pretrained)
            own = {k.removeprefix("clip.vision_model."): v for k, v in self.weights.items() if "vision_model." in k}
            _fill(vision, own, "image encoder")
        self.embeddings, self.norm = vision.embeddings, vision.pre_layrnorm
        self.blocks = nn.ModuleList(list(vision.encoder.layers)[: taps[-1] + 1])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Args: image: float[B, 3, H, W], normalised. Returns float[B, 1 + H W / 256, width] each."""
        x = self.norm(self.embeddings(image, interpolate_pos_encoding=True))
        found: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x = block(x, None)
            if i in self.taps:
                found.append(x)
        return found[::-1]

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The embeddings, then the blocks."""
        first = [*self.embeddings.parameters(), *self.norm.parameters()]
        return [first, *(list(block.parameters()) for block in self.blocks)]


def load_clipseg(weights: dict[str, Tensor], sentence: SentenceVector, decoder: FiLMDecoder) -> None:
    """Give the sentence's projection and the decoder the weights of a CLIPSeg of ``transformers``.

    What published weights lack (modulation of further levels) keeps its start.

    Raises:
        ModelError: the weights are of another shape.
    """
    sentence.load(weights["clip.text_projection.weight"])
    state = {}
    for i in range(len(decoder.layers)):
        old, new = f"decoder.layers.{i}.", f"layers.{i}."
        for kind in ("weight", "bias"):
            parts = [weights[f"{old}self_attn.{p}_proj.{kind}"] for p in "qkv"]
            state[f"{new}self_attn.in_proj_{kind}"] = torch.cat(parts)
            for theirs, ours in _LAYER.items():
                state[f"{new}{ours}.{kind}"] = weights[f"{old}{theirs}.{kind}"]
    for theirs, ours in (("reduces", "reduce"), ("transposed_convolution", "head")):
        prefix = f"decoder.{theirs}."
        state |= {f"{ours}.{k.removeprefix(prefix)}": v for k, v in weights.items() if k.startswith(prefix)}
    for theirs, ours in (("mul", "scale"), ("add", "shift")):
        for kind in ("weight", "bias"):
            state[f"film.0.{ours}.{kind}"] = weights[f"decoder.film_{theirs}.{kind}"]
    added = {k: v for k, v in decoder.state_dict().items() if k.startswith("film.") and k not in state}
    _fill(decoder, state | added, "decoder")


_LAYER = {
    "self_attn.out_proj": "self_attn.out_proj",
    "layer_norm1": "norm1",
    "mlp.fc1": "linear1",
    "mlp.fc2": "linear2",
    "layer_norm2": "norm2",
}


def _read(source: str) -> dict[str, Tensor]:
    try:
        config = CLIPSegConfig.from_pretrained(source)
        loaded: Any = CLIPSegForImageSegmentation.from_pretrained(source, config=config, output_loading_info=True)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        where = "folder" if Path(source).is_dir() else "hub id"
        raise ModelError(
            f"CLIPSeg weights cannot be had from the {where} {source!r}: {str(error).splitlines()[0]} "
            "Name a folder that holds them (`hf download ID --local-dir FOLDER`), or use the recipe clipseg-lite."
        ) from error
    model, info = loaded
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ModelError(f"{source!r}: not the weights of a CLIPSeg: {sorted(info['missing_keys'])[:3]} missing")
    state: dict[str, Tensor] = model.state_dict()
    return state


def _fill(module: nn.Module, state: dict[str, Tensor], what: str) -> None:
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ModelError(f"the CLIPSeg weights do not fit this configuration's {what}: {error}") from error
