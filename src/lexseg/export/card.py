"""The page that goes with an exported model."""

from collections.abc import Mapping

from lexseg.graphs.store import PLAIN, GraphsInfo
from lexseg.models.config import PEAK, UNCALIBRATED, ModelConfig

_PRECISION = {
    "fp32": "Weights and arithmetic are of single precision: the answers are torch's, but for rounding.",
    "fp16": "Weights are stored in half precision and computed with in single: answers differ in the third digit.",
    "int8": "The matrices of text encoder and decoder are of eight bits: masks differ at their edges, and presence "
    "more; `lexseg export --check` tells how much.",
}


def _peak(sure: Mapping[str, float]) -> str:
    """What is done to the logits of what is there, where the model's calibration says so."""
    if PEAK not in sure:
        return ""
    return (
        f" From there on all logits are raised by as much as the highest\n   lacks of {sure[PEAK]:.6g}, where it lacks "
        "something: what is there has a mask."
    )


def _brought(config: ModelConfig) -> str:
    """What is done to an image's shape."""
    size = "{} x {}".format(*config.size)
    if config.fit == "stretch":
        return f"stretched to {size}"
    return f"made as large as {size} holds\n   without a change of shape, in the middle of black margins"


def _back(config: ModelConfig) -> str:
    return "Stretch the logits" if config.fit == "stretch" else "Cut off the margins and stretch the logits"


def _plain(about: GraphsInfo) -> str:
    """What the states are that lie beside the graphs, where there are some."""
    if PLAIN not in about.files:
        return ""
    return f"`{PLAIN}` holds the states of the few plain sentences that LexSeg itself asks most, by sentence.\n   "


def card(name: str, config: ModelConfig, about: GraphsInfo) -> str:
    """README.md of an exported model."""
    height, width = config.size
    sure = config.presence or UNCALIBRATED
    words = (
        ""
        if about.reader is None
        else f"""
2. **Sentence.** `tokenizer.json` makes ids of it, {about.reader["max_length"]} at most, special ones included; longer
   sentences are refused, not cut. `text_encoder.onnx`: `input_ids` int64[B, L], `attention_mask` bool[B, L] to `states`
   float[B, L, {about.reader["width"]}]. Pad with id {about.reader["pad_id"]} and a mask of false, or ask sentences of
   one length together, which is what LexSeg does. `is_null` true is "no sentence".
   {_plain(about)}A decoder that has the input `names_place` is told whether the sentence says where to look.
   "Left" in it is the {config.laterality or "unknown"}'s ("image": the left of the picture)."""
    )
    inputs = "all of these" if about.reader is None else "all of these, `states`, `attention_mask`, `is_null` bool[B]"
    return f"""# {name}, as ONNX graphs

A LexSeg model ({config.method}; weights {config.weights_sha256[:12]}), opset {about.opset}, {about.precision}.
{_PRECISION.get(str(about.precision), "")}
**Research use only: not a medical device.** The model's own terms and licence go with it.

1. **Image.** Gray or colour in 0..1, {_brought(config)} (bilinear, antialiased where it shrinks),
   gray repeated to three channels; the mean and spread that the encoder wants are inside the graph.
   `image_encoder.onnx`: `image` float[B, 3, {height}, {width}] to `map_0`, `map_1`, ..., and what else the decoder
   wants of the image, by name.{words}
3. **Answer.** `decoder.onnx`: {inputs}, one row a sentence (repeat the image's for several), to `logits`
   float[B, 1, {height}, {width}]{"" if config.presence is None else " and `presence` float[B]"}. {_back(config)}
   to the image's size, bilinear; a pixel belongs to the mask from a sigmoid of {config.threshold:g} on. Where the graph
   has `presence`, sigmoid({sure["scale"]:.6g} * presence + {sure["bias"]:.6g}) is the probability that what is named is
   there; below {sure["threshold"]:.6g} the mask is empty.{_peak(sure)}

`python example.py image.npy "a sentence" mask.npy` does this with numpy and onnxruntime alone. With LexSeg,
`Segmenter.from_pretrained("this/folder")` gives all of it: what a sentence denies, whose left is meant, and what is not
in the model's scope (`config.json`, `scope.safetensors`). `graphs.json` has the SHA-256 of every file.
"""
