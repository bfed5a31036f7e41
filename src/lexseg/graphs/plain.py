"""What a frozen text encoder makes of plain sentences, to lie beside the graphs.

A sentence that the lexicon understands is asked in one of a few plain ones: with their states at hand, most questions
need no text encoder.
"""

import torch
from safetensors.torch import save

from lexseg.encoders.text.base import TextEncoder
from lexseg.language.asking import plain_sentences
from lexseg.models.config import ModelConfig


def plain_states(encoder: TextEncoder, config: ModelConfig) -> bytes | None:
    """What :data:`lexseg.graphs.store.PLAIN` holds; ``None`` where the text encoder is trained, or no words are plain.

    Args:
        encoder: the model's text encoder, on the CPU.
        config: of the model.
    """
    if encoder.trainable or not config.plain:
        return None
    states = {}
    with torch.no_grad():
        for sentence in plain_sentences(config.plain):  # one by one, never padded: as they are read otherwise
            states[sentence] = encoder(*encoder.tokenize([sentence]))[0].float().contiguous()
    return save(states)
