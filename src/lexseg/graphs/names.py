"""What the graphs of a model are called, and what goes in and out. Imports no torch."""

IMAGE_ENCODER, TEXT_ENCODER, DECODER = "image_encoder.onnx", "text_encoder.onnx", "decoder.onnx"
GRAPHS = (IMAGE_ENCODER, TEXT_ENCODER, DECODER)
"""The files: from pixels to maps; from token ids to states; from maps and states to a mask."""

IMAGE = "image"
"""float[B, 3, H, W] in 0..1."""
IDS, MASK = "input_ids", "attention_mask"
"""int64[B, L] and bool[B, L], true where a token is."""
STATES, NULL = "states", "is_null"
"""float[B, L, D], and bool[B], true where a sentence is missing: its row of the mask is then not looked at."""
LOGITS, PRESENCE = "logits", "presence"
"""float[B, 1, H, W] and, where the model says whether what is named is there, float[B]."""


PREFIX = "network."
"""Before the names of a network's weights in its graphs."""


def map_name(number: int) -> str:
    """An image's map, float[B, C, h, w]: what the image encoder gives and the decoder takes."""
    return f"map_{number}"
