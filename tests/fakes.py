"""A model whose answers can be worked out by hand."""

import json

import torch
from torch import Tensor, nn

from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.parts.text_input import TextInput, trained_text_encoder

WORDS = {
    "kind": "word",
    "vocabulary": ["left", "right", "bright", "lung"],
    "width": 8,
    "layers": 1,
    "heads": 2,
    "max_length": 64,
    "trainable": True,
}
SIZE = (32, 64)


def configure(folder, **values):
    """Set keys of a model folder's config.json, as a user would by hand."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


class Sides(SegmentationModel):
    """Finds what is bright; asked for "left" or "right", only in that half of the image.

    With ``presence``, it says as a logit how far the brightest pixel there lies above 0.5, times ``gain``.
    """

    name = "sides"

    def __init__(self, *, text_encoder=None, text_width=8, encoder_args=None, presence=False):
        super().__init__()
        self.text_input = TextInput(text_width, trained_text_encoder(text_encoder))
        self.gain = nn.Parameter(torch.tensor(20.0))
        self.loss_names = ()
        self.presence = nn.Identity() if presence else None
        self.encoded = 0

    def encode_image(self, image):
        self.check_size(image)
        self.encoded += len(image)
        return Features([image], (image.shape[-2], image.shape[-1]))

    def decode(self, features, text):
        logits = (features.maps[0].mean(1, keepdim=True) - 0.5) * self.gain
        middle = logits.shape[-1] // 2
        for row, ids in enumerate(text.input_ids):
            if 2 in ids and 3 not in ids:
                logits[row, :, :, middle:] = -10
            if 3 in ids and 2 not in ids:
                logits[row, :, :, :middle] = -10
        return Prediction(logits, None if self.presence is None else logits.flatten(1).amax(1))

    def training_losses(self, image, text, target) -> dict[str, Tensor]:
        return {}

    def image_layers(self):
        return []


class Unsure(Sides):
    """The same, which says of what is neither left, right nor bright that it is not there."""

    name = "unsure"

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.presence = nn.Identity()

    def decode(self, features, text):
        prediction = super().decode(features, text)
        known = [any(word in ids for word in (2, 3, 4)) for ids in text.input_ids.tolist()]
        return Prediction(prediction.logits, presence=torch.tensor([3.0 if k else -3.0 for k in known]))
