"""A model whose answers can be worked out by hand."""

import errno
import json
import os

import numpy as np
import torch
from torch import Tensor, nn

from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.parts.text_input import TextInput, trained_text_encoder
from lexseg.models.scope import ImageScope, Scope, WordsScope, World

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


class Known(Scope):
    """A scope that can be worked out by hand.

    Images of a mean up to 0.5 are chests, up to 0.9 breasts, and above that nothing that is known. Words of which the
    encoder knows none are unknown; those with "lung" belong to the chest, all others to both.
    """

    def __init__(self):
        super().__init__((World("chest", "chest", ("CR", "DX")), World("breast", "breast", ("US",))))

    def words(self, text):
        judged = []
        for ids, null in zip(text.input_ids.tolist(), text.is_null.tolist(), strict=True):
            known = null or any(i > 1 for i in ids)
            scores = {"chest": float(known), "breast": float(known and 5 not in ids)}
            judged.append(WordsScope(known, {} if null else scores, 0.0 if known else 1.0))
        return judged

    def image(self, features):
        means = features.maps[0].mean((1, 2, 3)).tolist()
        # the distances are such that no image is taken for a negative
        return [
            ImageScope(False, None, 0.9) if m > 0.9 else ImageScope(True, "breast" if m > 0.5 else "chest", 0.8)
            for m in means
        ]


def picture(background=0.0, height=90, width=160):
    """A square at the left that is brighter than all else: of ``background`` 0 a chest, 0.7 a breast, 0.95 neither."""
    image = np.full((height, width), background, np.float32)
    image[height // 3 : 2 * height // 3, width // 8 : width // 3] = 1
    return image


def fill_disk(monkeypatch, call, error=None):
    """From the ``call``-th file on the disk takes no more, or ``error`` happens: when what was written must be kept."""
    real, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) >= call:
            raise error or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    monkeypatch.setattr("lexseg.files.os.fsync", full)
