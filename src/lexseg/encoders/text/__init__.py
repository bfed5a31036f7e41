"""Sentences as tensors: text encoders by name, batches, and the states that frozen encoders give."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lexseg.errors import ModelError

if TYPE_CHECKING:
    from lexseg.encoders.text.base import TextEncoder

TEXT_ENCODERS = ("minilm", "huggingface", "word")


def create_text_encoder(config: Mapping[str, Any], *, pretrained: bool = True) -> "TextEncoder":
    """Build a text encoder from plain JSON values; what its ``config()`` gives builds the same one.

    Args:
        config: ``{"kind": "minilm"}``, ``{"kind": "huggingface", "name": "<id or folder>"}`` or
            ``{"kind": "word", "vocabulary": [...]}``, with further keywords of the encoder's class.
        pretrained: false leaves the weights random, for a model that is about to load its own.

    Raises:
        ModelError: for an unknown kind or option, or an encoder that cannot be had.
    """
    from lexseg.encoders.text.bert import BertTextEncoder
    from lexseg.encoders.text.word import WordEncoder

    options = {k: v for k, v in config.items() if k != "kind"}
    kind = config.get("kind")
    if kind not in TEXT_ENCODERS:
        raise ModelError(f"text encoder of kind {kind!r}: one of {', '.join(TEXT_ENCODERS)} was expected")
    encoder: type[WordEncoder | BertTextEncoder] = WordEncoder if kind == "word" else BertTextEncoder
    allowed = set(inspect.signature(encoder).parameters) - {"kind", "pretrained"}
    if kind == "minilm":
        allowed -= {"name", "architecture", "tokenizer"}
    if unknown := sorted(set(options) - allowed):
        raise ModelError(f"text encoder {kind!r} has no option {unknown[0]!r}; it has {', '.join(sorted(allowed))}")
    needed = {"word": "vocabulary", "huggingface": "name"}.get(kind)
    if needed is not None and needed not in options:
        made = ", the words that it knows; lexseg train alone takes those of its sentences" if kind == "word" else ""
        raise ModelError(f"text encoder {kind!r} needs the option {needed!r}{made}")
    if kind == "word":
        return WordEncoder(**options)
    if kind == "minilm":
        options["name"] = "minilm"
    return BertTextEncoder(kind=kind, pretrained=pretrained, **options)
