"""The text half of a CLIP, out of three layouts: its states are those of transformers' own model."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    CLIPTextConfig,
    CLIPTextModel,
    PreTrainedModel,
)

from lexseg.encoders.text import create_text_encoder
from lexseg.errors import ModelError, TextError

WORDS = ["left", "right", "upper", "lower", "lung", "opacity"]
TEXT = {
    "vocab_size": 8,
    "hidden_size": 16,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 10,
    "bos_token_id": 6,
    "eos_token_id": 7,
    "projection_dim": 12,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
}


def write_tokenizer(folder: Path) -> None:
    """Whole words between a start and an end token, as CLIP has them."""
    vocabulary = {w: i for i, w in enumerate([*WORDS, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 6), ("<|endoftext|>", 7)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def clip() -> CLIPModel:
    torch.manual_seed(0)
    return CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=12)).eval()


def expected(model: PreTrainedModel, text: str) -> Tensor:
    ids = torch.tensor([[6, *(WORDS.index(w) for w in text.split()), 7]])
    with torch.no_grad():
        return model(input_ids=ids).last_hidden_state[0]


def states(folder: Path, texts: list[str]) -> Tensor:
    encoder = create_text_encoder({"kind": "huggingface", "name": str(folder)})
    with torch.no_grad():
        return encoder(*encoder.tokenize(texts))


def write_open_clip(folder: Path, text: CLIPTextModel) -> None:
    """OpenCLIP's names and layout, from the files' description; its attention keeps three inputs in one matrix."""
    folder.mkdir()
    write_tokenizer(folder)
    cfg = {"context_length": 10, "vocab_size": 8, "width": 16, "heads": 2, "layers": 2}
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": {"embed_dim": 12, "text_cfg": cfg, "quick_gelu": True}})
    )
    old = text.state_dict()
    new = {
        "token_embedding.weight": old["embeddings.token_embedding.weight"],
        "positional_embedding": old["embeddings.position_embedding.weight"],
        "ln_final.weight": old["final_layer_norm.weight"],
        "ln_final.bias": old["final_layer_norm.bias"],
        "text_projection": torch.randn(16, 12),
        "visual.conv1.weight": torch.randn(2, 3, 3, 3),
    }
    for i in range(2):
        for kind in ("weight", "bias"):
            at, layer = f"transformer.resblocks.{i}.", f"encoder.layers.{i}."
            new[f"{at}attn.in_proj_{kind}"] = torch.cat([old[f"{layer}self_attn.{p}_proj.{kind}"] for p in "qkv"])
            new[f"{at}attn.out_proj.{kind}"] = old[f"{layer}self_attn.out_proj.{kind}"]
            for mine, theirs in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2")):
                new[f"{at}{mine}.{kind}"] = old[f"{layer}{theirs}.{kind}"]
            for mine, theirs in (("c_fc", "fc1"), ("c_proj", "fc2")):
                new[f"{at}mlp.{mine}.{kind}"] = old[f"{layer}mlp.{theirs}.{kind}"]
    save_file({k: v.contiguous().clone() for k, v in new.items()}, folder / "open_clip_model.safetensors")


@pytest.mark.parametrize("layout", ["clip", "clipseg", "open_clip", "text alone"])
def test_states_are_transformers_own(layout: str, tmp_path: Path) -> None:
    folder, whole = tmp_path / "model", clip()
    text: PreTrainedModel = CLIPTextModel(CLIPTextConfig(**TEXT)).eval()
    text.load_state_dict(whole.text_model.state_dict())
    if layout == "open_clip":
        write_open_clip(folder, text)
    else:
        if layout == "clipseg":
            seg = CLIPSegForImageSegmentation(
                CLIPSegConfig(text_config=TEXT, vision_config=VISION | {"patch_size": 16}, projection_dim=12,
                              extract_layers=[0], reduce_dim=8, decoder_num_attention_heads=2)
            )  # fmt: skip
            seg.clip.text_model.load_state_dict(whole.text_model.state_dict())
            seg.save_pretrained(folder)
        else:
            (whole if layout == "clip" else text).save_pretrained(folder)
        write_tokenizer(folder)
    sentences = ["left lung opacity", "upper right lung opacity"]
    got = states(folder, sentences)
    for row, sentence in zip(got, sentences, strict=True):
        want = expected(text, sentence)
        torch.testing.assert_close(row[: len(want)], want, atol=1e-5, rtol=1e-4)


def test_a_trained_one_is_rebuilt_without_its_folder(tmp_path: Path) -> None:
    clip().save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    encoder = create_text_encoder({"kind": "huggingface", "name": str(tmp_path), "trainable": True})
    config = json.loads(json.dumps(encoder.config() | {"name": "gone/gone"}))
    again = create_text_encoder(config, pretrained=False)
    again.load_state_dict(encoder.state_dict())
    assert again.fingerprint() == encoder.fingerprint()
    assert (again.width, again.max_length) == (16, 10)


def test_longer_sentences_than_clip_reads_are_refused_not_cut(tmp_path: Path) -> None:
    clip().save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    with pytest.raises(TextError, match="at most 10"):
        states(tmp_path, ["left lung " * 5])


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_open_clip(folder, CLIPTextModel(CLIPTextConfig(**TEXT)))
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"open_clip_model.safetensors is missing"):
        states(folder, ["left"])
