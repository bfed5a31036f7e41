"""Models that say how much words are true of an image: what a map of their meaning can be made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.text.batch import EncodeText, TextBatch
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, ModelError
from lexseg.language.sides import Laterality
from lexseg.models.base import SegmentationModel
from lexseg.models.config import find_model
from lexseg.models.device import device_of
from lexseg.models.inputs import fit_image
from lexseg.models.io import load_model
from lexseg.models.place import Fit, ImagePlace
from lexseg.models.towers import Towers
from lexseg.training.snapshots import FOLDER as SNAPSHOTS
from lexseg.training.weak.folder import is_towers_folder, load_towers

ScoreKind = Literal["likeness", "relevance", "presence"]
_RELEVANCE = ("relevance@8", "relevance@16", "relevance@32")


@dataclass(frozen=True, slots=True)
class Scored:
    """A model with a score of image and words.

    Attributes:
        name: as the user named it.
        sha256: of its weights.
        kind: what the score is: the towers' likeness, the mean of TMCA's relevance maps, or the logit of presence.
        size: (height, width) that images are brought to.
        encoder: the image encoder, whose stages maps are read from.
        encode: turns sentences into what the model reads.
        score: float[B] of images, float[B, 3, H, W] in 0..1, and their sentences.
        own: the model's own map of where, float[B, 1, h, w], 0..1 or cosines; ``None`` where it has none.
        mask: the model's own probability of the mask, float[B, 1, H, W], the mean of its snapshots' where its run kept
            some; ``None`` where it makes none.
        separate: whether words stay out of the image encoder.
        laterality: whose left "left" is.
        device: where it runs.
        fit: how images are brought to the size.
    """

    name: str
    sha256: str
    kind: ScoreKind
    size: tuple[int, int]
    encoder: ImageEncoder
    encode: EncodeText
    score: Callable[[Tensor, TextBatch], Tensor]
    own: Callable[[Tensor, TextBatch], Tensor] | None
    mask: Callable[[Tensor, TextBatch], Tensor] | None
    separate: bool
    laterality: Laterality | None
    device: torch.device
    fit: Fit = "stretch"

    def prepared(self, image: Tensor) -> Tensor:
        """float[1 or 3, H, W] in 0..1 of any size as float[3, h, w] of the model's."""
        return fit_image(image, self.size, self.fit).expand(3, -1, -1).to(self.device)

    def of_image(self, found: Tensor, image: tuple[int, int]) -> Tensor:
        """A map float[h, w] of the input as one of an image of (H, W): what lies in the margins is cut off."""
        if self.fit == "stretch":
            return found
        whole = F.interpolate(found[None, None].float(), size=self.size, mode="bilinear", align_corners=False)[0, 0]
        return whole[ImagePlace.of(image, self.size, self.fit).inside]

    def texts(self, sentences: Sequence[str | None]) -> TextBatch:
        """The sentences, encoded, where the model is."""
        return self.encode(list(sentences)).to(self.device)


def load_scored(model: str | Path, *, kind: ScoreKind | None = None, device: str | None = None) -> Scored:
    """A model with a score, from towers (``lexseg pretrain align``), or any other MODEL.

    Args:
        model: a folder of towers, a bundled name, a model folder or a hub id.
        kind: which score, of several; ``None`` takes the relevance before the presence.
        device: where to run; ``None`` is a GPU where there is one.

    Raises:
        ModelError: there is no such model, or it has no score.
        ConfigError: it has none of that kind.
    """
    place = device_of(device)
    if is_towers_folder(model):
        return _towers(str(model), Path(model).expanduser(), kind, place)
    folder = find_model(model)
    loaded = load_model(folder)
    network = loaded.model.eval().requires_grad_(False).to(place)
    name = str(model)
    if not network.uses_text or loaded.text_encoder is None:
        raise ModelError(
            f"{name} is a {loaded.config.method}, which reads no words: it has no score of image and words, and no map "
            "of what words mean can be made from it. Take a model that reads them, or `lexseg pretrain align`"
        )
    scores = _scores(network)
    if not scores:
        raise ModelError(
            f"{name} is a {loaded.config.method} that neither answers whether what the words name is there nor has "
            "relevance maps: there is no score to make a map from. Train it with presence_weight, or take another model"
        )
    if kind is not None and kind not in scores:
        raise ConfigError(f"{name} has no score {kind!r}; it has {', '.join(scores)}")
    chosen: ScoreKind = next(iter(scores)) if kind is None else kind
    encoders = [module for module in network.modules() if isinstance(module, ImageEncoder)]
    if not encoders:
        raise ModelError(f"{name} is a {loaded.config.method}, whose image encoder has no stages to read a map from")
    return Scored(
        name,
        loaded.config.weights_sha256 or "",
        chosen,
        loaded.config.size,
        encoders[0],
        TextPipeline(loaded.text_encoder.to(place)),
        scores[chosen],
        (lambda image, text: _relevance(network, image, text)) if "relevance" in scores else None,
        _masks(network, folder, place),
        _separate(network),
        loaded.config.laterality,
        place,
        loaded.config.fit,
    )


def _towers(name: str, folder: Path, kind: ScoreKind | None, place: torch.device) -> Scored:
    loaded = load_towers(folder)
    towers: Towers = loaded.towers.requires_grad_(False).to(place)
    if kind not in (None, "likeness"):
        raise ConfigError(f"{name}: towers have no score {kind!r}; they have likeness")
    return Scored(
        name,
        loaded.sha256,
        "likeness",
        (loaded.size, loaded.size),
        towers.encoder,
        TextPipeline(loaded.text_encoder.to(place)),
        towers,
        lambda image, text: towers.relevance(towers.see(image), towers.sentence(text)),
        None,
        True,
        loaded.laterality,
        place,
    )


def _scores(network: SegmentationModel) -> dict[ScoreKind, Callable[[Tensor, TextBatch], Tensor]]:
    found: dict[ScoreKind, Callable[[Tensor, TextBatch], Tensor]] = {}
    if getattr(network, "enhancement", False):
        found["relevance"] = lambda image, text: _relevance(network, image, text).mean((1, 2, 3))
    if network.presence is not None:
        found["presence"] = lambda image, text: _present(network, image, text)
    return found


def _masks(network: SegmentationModel, folder: Path, place: torch.device) -> Callable[[Tensor, TextBatch], Tensor]:
    """The probability of the mask; of a run that kept snapshots, the mean of what they say."""
    files = sorted((folder.parent / SNAPSHOTS).glob("*.safetensors")) if folder.name == "model" else []
    states = [{name: value.to(place) for name, value in load_file(path).items()} for path in files]

    def mask(image: Tensor, text: TextBatch) -> Tensor:
        if not states:
            found: Tensor = network(image, text).logits.float().sigmoid()
            return found
        answers = (functional_call(network, state, (image, text)).logits.float().sigmoid() for state in states)
        return torch.stack(list(answers)).mean(0)

    return mask


@torch.no_grad()
def _separate(network: SegmentationModel) -> bool:
    """Whether the encoder's maps are what a model keeps of an image between two sentences."""
    device = next(network.parameters()).device
    return len(network.encode_image(torch.zeros(1, 3, 64, 64, device=device)).maps) == len(ImageEncoder.strides)


def _relevance(network: SegmentationModel, image: Tensor, text: TextBatch) -> Tensor:
    """The mean of the relevance maps, at the size of stride 8."""
    maps: dict[str, Tensor] = network(image, text).maps
    chosen = [maps[name].float() for name in _RELEVANCE]
    size = chosen[0].shape[-2:]
    parts = [F.interpolate(m, size=size, mode="bilinear", align_corners=False) for m in chosen]
    return torch.stack(parts).mean(0)


def _present(network: SegmentationModel, image: Tensor, text: TextBatch) -> Tensor:
    presence: Tensor | None = network(image, text).presence
    assert presence is not None
    return presence
