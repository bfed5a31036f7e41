"""Encoders for the tests of sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.bert import BertTextEncoder

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "left", "right", "lung", "upper", "lower", "opacity", "in", "the", "##s", ",", "."]


@pytest.fixture(scope="session")
def minilm() -> BertTextEncoder:
    encoder = create_text_encoder({"kind": "minilm"})
    assert isinstance(encoder, BertTextEncoder)
    return encoder


@pytest.fixture
def bert_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tiny BERT with a masked-language head: all its tensors are named ``bert.…`` or ``cls.…``."""

    def write(seed: int = 0, positions: int = 16, extra: dict[str, Any] | None = None) -> Path:
        torch.manual_seed(seed)
        folder = tmp_path / f"bert{seed}"
        folder.mkdir()
        config = BertConfig(
            vocab_size=len(WORDS),
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=positions,
        )
        weights = {k: v.clone().contiguous() for k, v in BertForMaskedLM(config).state_dict().items()}
        weights.pop("cls.predictions.decoder.weight", None)  # tied, as in files of the hub
        weights["cls_projection_head.dense_to_hidden.weight"] = torch.zeros(4, 8)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps({**config.to_dict(), **(extra or {})}), encoding="utf-8")
        (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
        tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
        if extra and "auto_map" in extra:
            tokenizer |= {
                "tokenizer_class": "CXRBertTokenizer",
                "auto_map": {"AutoTokenizer": ["configuration_cxrbert.CXRBertTokenizer", None]},
            }
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def cxr_bert_folder(bert_folder: Callable[..., Path]) -> Path:
    """The layout of CXR-BERT: a type of its own, code of its own, a projection head."""
    folder = bert_folder(
        extra={
            "model_type": "cxr-bert",
            "architectures": ["CXRBertModel"],
            "projection_size": 4,
            "auto_map": {
                "AutoConfig": "configuration_cxrbert.CXRBertConfig",
                "AutoModel": "modeling_cxrbert.CXRBertModel",
            },
        }
    )
    for name in ("configuration_cxrbert.py", "modeling_cxrbert.py"):
        (folder / name).write_text("raise SystemExit('remote code was run')\n", encoding="utf-8")
    return folder
