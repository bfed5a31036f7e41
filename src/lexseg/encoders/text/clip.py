"""The text half of a CLIP: out of the files of `transformers` (CLIP, CLIPSeg) and of OpenCLIP."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPModel, CLIPSegModel, CLIPTextConfig, CLIPTextModel, PreTrainedConfig
from transformers.utils.hub import cached_file

from lexseg.errors import ModelError

_OPEN_CLIP_CONFIG, _OPEN_CLIP_WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
# Our name of a part of a block, by OpenCLIP's; the attention's three inputs are one matrix there.
_BLOCK = {
    "ln_1": "layer_norm1",
    "attn.out_proj": "self_attn.out_proj",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def open_clip_file(source: str | Path, name: str = _OPEN_CLIP_CONFIG) -> Path | None:
    """A file of OpenCLIP's layout in a folder or on the hub; ``None`` where there is none.

    Raises:
        OSError: the hub does not answer, or knows no such id.
    """
    if Path(source).is_dir():
        file = Path(source) / name
        return file if file.is_file() else None
    found = cached_file(str(source), name, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None


def open_clip_weights(source: str | Path) -> dict[str, Tensor]:
    """All weights of an OpenCLIP model, by its names.

    Raises:
        ModelError: there are none, or only in a pickle.
    """
    file = open_clip_file(source, _OPEN_CLIP_WEIGHTS)
    if file is None:
        raise ModelError(f"{source}: {_OPEN_CLIP_WEIGHTS} is missing; an OpenCLIP model was expected")
    return load_file(file)


def text_config(values: Mapping[str, Any]) -> CLIPTextConfig:
    """The text half's configuration, from that of a whole CLIP in the layout of `transformers` or of OpenCLIP."""
    if "model_cfg" in values:
        whole = values["model_cfg"]
        text = whole["text_cfg"]
        # OpenAI's own weights use the quick approximation of GELU; files that do not say so are not theirs.
        return CLIPTextConfig(
            vocab_size=text["vocab_size"],
            hidden_size=text["width"],
            intermediate_size=4 * text["width"],
            projection_dim=whole["embed_dim"],
            num_hidden_layers=text["layers"],
            num_attention_heads=text["heads"],
            max_position_embeddings=text["context_length"],
            hidden_act="quick_gelu" if whole.get("quick_gelu") else "gelu",
        )
    own = set(CLIPTextConfig().to_dict()) - {"model_type"}
    config: CLIPTextConfig = CLIPTextConfig(**{k: v for k, v in (values.get("text_config") or {}).items() if k in own})
    return config


def load_text_half(source: str, config: CLIPTextConfig) -> CLIPTextModel:
    """The text half with its weights; the image half's are read and let go.

    Raises:
        ModelError: weights are missing or of another shape.
    """
    model = CLIPTextModel(config)
    kind = _kind(source)
    state = _from_transformers(source, kind) if kind else _from_open_clip(open_clip_weights(source), config)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ModelError(f"{source}: its weights do not fit its configuration; download the model again") from error
    return model


def _kind(source: str) -> str | None:
    """The model's type by `transformers`' own configuration; ``None`` where there is none, as with OpenCLIP."""
    try:
        values, _ = PreTrainedConfig.get_config_dict(source, local_files_only=Path(source).is_dir())
    except OSError:
        return None
    return values.get("model_type")


def _from_transformers(source: str, kind: str) -> dict[str, Tensor]:
    whole: Any = {"clip": CLIPModel, "clipseg": CLIPSegModel}.get(kind, CLIPTextModel)
    model, info = whole.from_pretrained(
        source, dtype=torch.float32, local_files_only=Path(source).is_dir(), output_loading_info=True
    )
    text = getattr(model, "text_model", model)
    own = set(text.state_dict())
    unfit = [
        k for k in (*info["missing_keys"], *map(str, info["mismatched_keys"])) if k.split("text_model.")[-1] in own
    ]
    if unfit:
        raise ModelError(f"{source}: its weights do not fit its config.json ({unfit[0]}); download the model again")
    state: dict[str, Tensor] = text.state_dict()
    return state


def _from_open_clip(weights: Mapping[str, Tensor], config: CLIPTextConfig) -> dict[str, Tensor]:
    state = {
        "embeddings.token_embedding.weight": weights["token_embedding.weight"],
        "embeddings.position_embedding.weight": weights["positional_embedding"],
        "final_layer_norm.weight": weights["ln_final.weight"],
        "final_layer_norm.bias": weights["ln_final.bias"],
    }
    for i in range(config.num_hidden_layers):
        theirs, ours = f"transformer.resblocks.{i}.", f"encoder.layers.{i}."
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", weights[f"{theirs}attn.in_proj_{kind}"].chunk(3), strict=True):
                state[f"{ours}self_attn.{name}_proj.{kind}"] = part.clone()
            state |= {f"{ours}{new}.{kind}": weights[f"{theirs}{old}.{kind}"] for old, new in _BLOCK.items()}
    return {name: value.float() for name, value in state.items()}
