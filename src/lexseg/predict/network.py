"""A loaded model, its calibration, and how it is asked about images that are encoded already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import Reader
from lexseg.errors import ConfigError
from lexseg.language.lexicon import lexicon
from lexseg.language.sides import Laterality, mirror_words
from lexseg.language.vocabulary import mended
from lexseg.models.config import LOST, PEAK, UNCALIBRATED
from lexseg.models.place import CLEARLY_NEARER, DOUBTFUL, Fit, is_grey, tidied, to_input
from lexseg.models.scope import Scope
from lexseg.predict.answered import AS_NEGATIVE, TURNED, WITHOUT_FRAME, Answerer
from lexseg.predict.engine import Encoded, Engine
from lexseg.predict.words import check_sentence

if TYPE_CHECKING:
    import torch

    from lexseg.encoders.text.base import TextEncoder
    from lexseg.models.base import SegmentationModel
    from lexseg.models.scope import ImageScope, WordsScope

Asking = tuple[int, str | None]
"""The row of an image, and what is asked of it, in the model's own words."""
CHUNK = 16
"""Images, or questions, that go through the network together."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What the network says of a question. Attributes: logits: float32[V, 1, h, w]; presence: float32[V] or None."""

    logits: NDArray[np.float32]
    presence: NDArray[np.float32] | None


class Look(NamedTuple):
    """What a network makes of an image.

    Attributes:
        features: of the encoded image, with those of the mirrored one where there is test-time augmentation.
        known: where it lies in what the model has learnt; ``None`` where the model's scope is unknown.
        inside: the rows and columns of the image that were looked at; ``None``: all.
        doubts: how it was looked at, where not as it is.
    """

    features: Encoded
    known: "ImageScope | None"
    inside: tuple[slice, slice] | None = None
    doubts: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether it is an image that the model knows, as far as that can be told."""
        return self.known is None or self.known.known

    @property
    def distance(self) -> float:
        """From the images that the model knows, as in :class:`lexseg.models.worlds.ImageScope`."""
        return 0.0 if self.known is None else self.known.distance


class Network:
    """A loaded model, asked about encoded images. It never changes, so that many threads may share one.

    Args:
        model: the network, or an engine that runs it.
        text_encoder: what reads a network's sentences; ``None`` for an image-only model, and where there is an engine.
        size: (height, width) that images are brought to.
        fit: how, as :mod:`lexseg.models.place` says.
        threshold: probability from which on a pixel is foreground, 0..1.
        presence: calibration of the answer to "is it there?", as in :class:`lexseg.models.io.ModelConfig`.
        laterality: whose left "left" is in the sentences the model was trained on; ``None`` if unknown.
        modalities: of the images it was trained on, as DICOM names them; empty if unknown.
        plain: by world, how a sentence is asked in plain words, as in :class:`lexseg.models.io.ModelConfig`.
        name: what the model is called in results.
        sha256: of the model's weights; ``None`` if unknown.
        scope: what it has learnt; ``None`` if unknown: then it is asked whatever the words and the image are.
        device: where to run a network; ``None`` takes a GPU where there is one.

    Attributes:
        notes: what the user should be told of how it was opened.
    """

    def __init__(
        self,
        model: "SegmentationModel | Engine",
        text_encoder: "TextEncoder | None" = None,
        *,
        size: tuple[int, int],
        fit: Fit = "stretch",
        threshold: float = 0.5,
        presence: Mapping[str, float] | None = None,
        laterality: Laterality | None = None,
        modalities: Sequence[str] = (),
        plain: Mapping[str, str] | None = None,
        name: str = "",
        sha256: str | None = None,
        scope: "Scope | None" = None,
        device: "torch.device | str | None" = None,
    ) -> None:
        if not isinstance(model, Engine):
            from lexseg.predict.torch_engine import TorchEngine

            model = TorchEngine(model, text_encoder, device)
        self.engine = model
        self.notes: tuple[str, ...] = ()
        self.size, self.threshold, self.laterality, self.name = size, threshold, laterality, name
        self.modalities = tuple(modalities)
        self.fit: Fit = fit
        self.sha256, self.scope = sha256, scope
        self._presence, self._plain = dict(presence or UNCALIBRATED), dict(plain or {})

    def open_all(self) -> None:
        """Open now what else waits for the first sentence that needs it, for who would rather wait, or fail, now.

        Raises:
            ModelError: the text encoder is damaged, or another than the model was trained with.
        """
        self.engine.open_all()

    @property
    def uses_text(self) -> bool:
        """Whether a sentence changes what it finds."""
        return self.engine.reader is not None

    @property
    def text_encoder(self) -> Reader | None:
        """What reads its sentences; ``None`` for an image-only model."""
        return self.engine.reader

    @property
    def device(self) -> str:
        """Where it runs, such as ``cpu``."""
        return self.engine.device

    @property
    def model(self) -> "SegmentationModel":
        """The network, where torch runs it.

        Raises:
            ConfigError: something else runs it.
        """
        from lexseg.predict.torch_engine import TorchEngine

        if not isinstance(self.engine, TorchEngine):
            raise ConfigError(f"{self.name}: ONNX Runtime runs the model; load it with engine='torch' for its network")
        return self.engine.model

    @property
    def presence_threshold(self) -> float | None:
        """Probability of presence below which nothing is found; ``None`` where the model does not say."""
        return self._presence["threshold"] if self.engine.says_presence else None

    @property
    def peak(self) -> float | None:
        """How many logits below its highest pixel a mask of what is there may reach; ``None``: as its pixels say."""
        return self._presence.get(PEAK)

    @property
    def answerer(self) -> Answerer:
        """What its answers say of it."""
        return Answerer(self.name, self.sha256)

    @property
    def operating_points(self) -> dict[str, float]:
        """By name, a number of percent, the presence below which so many targets are lost; empty if none is known."""
        return {name[len(LOST) :]: value for name, value in self._presence.items() if name.startswith(LOST)}

    def at(self, operating_point: str | float) -> Self:
        """The same, network and all, saying "not found" at another of the model's thresholds of presence.

        Args:
            operating_point: its name, such as "5", or as a number: the percentage of what is there that may be lost.

        Raises:
            ConfigError: if the model has no such operating point.
        """
        known = self.operating_points
        name = operating_point if isinstance(operating_point, str) else f"{operating_point:g}"
        if name not in known:
            there = f"it has {', '.join(known)}" if known else "it has none; lexseg calibrate MODEL CASES makes them"
            raise ConfigError(f"the model has no operating point {operating_point!r}: {there}")
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _presence=self._presence | {"threshold": known[name]})
        return other

    @property
    def calibration(self) -> Mapping[str, float]:
        """How the answer to "is it there?" is calibrated, as in :class:`lexseg.models.io.ModelConfig`."""
        return dict(self._presence)

    @property
    def plain(self) -> Mapping[str, str]:
        """By world, how a sentence is asked in plain words, as in :class:`lexseg.models.io.ModelConfig`."""
        return dict(self._plain)

    def check_text(self, text: str | None) -> None:
        """Raise ``TextError`` where this model cannot read the sentence: blank, or too long."""
        check_sentence(text, self.text_encoder)

    def read_ahead(self, texts: Sequence[str | None]) -> None:
        """Have sentences, in the model's own convention, read all at once: each is then remembered when it is judged.

        One after the other they would take the text encoder several times as long.
        """
        if self.scope is not None and len(texts) > 1:
            self.engine.words(texts)

    def known_words(self, text: str | None) -> "WordsScope | None":
        """Where words, in the model's own convention, lie in what it has learnt; ``None`` where that is unknown.

        A slip of the hand makes no word foreign: what is unknown as it stands is judged by what was meant.
        """
        if self.scope is None:
            return None
        own = self.scope.words(self.engine.words([text]))[0]
        meant = text if own.known or not text else mended(text, lexicon("en"))
        if meant == text:
            return own
        other = self.scope.words(self.engine.words([meant]))[0]
        return other if other.known else own

    def encode(self, inputs: NDArray[np.float32], tta: bool) -> Encoded:
        """Run what the words do not touch on float32[B, 3, h, w]; with ``tta`` B more rows are the mirrored images."""
        return self.engine.look(np.concatenate([inputs, inputs[..., ::-1]]) if tta else inputs)

    def look_at(
        self, inputs: Sequence[NDArray[np.float32]], spare: Mapping[int, NDArray[np.float32]], tta: bool
    ) -> list[Look]:
        """Look at images; at what is unknown, or hardly known, once more otherwise.

        What is unknown is looked at without its frame and its tint (:func:`lexseg.models.place.tidied`). What is grey
        and far from all that is known is looked at with black and white exchanged: some are negatives. What would lie
        clearly nearer upright is said to look turned.

        Args:
            inputs: float32[3, h, w] each, as :func:`lexseg.models.place.to_input` makes them.
            spare: by number, the images themselves of those that may have a frame or a tint.
            tta: as in :meth:`encode`.
        """
        seen, given = self._seen(inputs, tta), list(inputs)
        if self.scope is None:
            return seen
        unknown = {row: image for row, image in spare.items() if not seen[row].is_known}
        again = {row: one for row, image in unknown.items() if (one := tidied(image)) is not None}
        given_again = [to_input(one.image, self.size, self.fit) for one in again.values()]
        for (row, one), own, look in zip(again.items(), given_again, self._seen(given_again, tta), strict=True):
            if look.is_known:
                seen[row], given[row] = look._replace(inside=one.inside, doubts=(WITHOUT_FRAME,)), own
        far = [row for row, look in enumerate(seen) if look.distance > DOUBTFUL and is_grey(given[row])]
        negatives = [1 - given[row] for row in far]
        for row, negative, look in zip(far, negatives, self._seen(negatives, tta), strict=True):
            was = seen[row]
            if look.is_known and look.distance < CLEARLY_NEARER * was.distance:
                seen[row] = look._replace(inside=was.inside, doubts=(*was.doubts, AS_NEGATIVE))
                given[row] = negative
        self._tell_turned(seen, given)
        return seen

    def _tell_turned(self, seen: list[Look], given: Sequence[NDArray[np.float32]]) -> None:
        """Say of what is far from all that is known where it lies clearly nearer upright. It is not asked so.

        Whose left is meant in a picture that lies on its head, nobody can tell.
        """
        if self.size[0] != self.size[1]:
            return
        far = [row for row, look in enumerate(seen) if look.distance > DOUBTFUL]
        turned = self._seen([np.rot90(given[row], quarters, (1, 2)) for row in far for quarters in (1, 2, 3)], False)
        for i, row in enumerate(far):
            nearest = min(turned[3 * i : 3 * i + 3], key=lambda look: look.distance)
            if nearest.is_known and nearest.distance < CLEARLY_NEARER * seen[row].distance:
                seen[row] = seen[row]._replace(doubts=(*seen[row].doubts, TURNED))

    def _seen(self, inputs: Sequence[NDArray[np.float32]], tta: bool) -> list[Look]:
        """Encode inputs all at once, and tell of each whether it is known."""
        count = len(inputs)
        if not count:
            return []
        features = self.encode(np.stack(inputs), tta)
        known: Sequence[ImageScope | None] = [None] * count
        if self.scope is not None:
            known = self.scope.image(Encoded([m[:count] for m in features.maps], features.size))
        # rows of their own, so that one of them does not keep the memory of all
        return [Look(_rows(features, row, count), known[row]) for row in range(count)]

    def stacked(self, images: Sequence[Encoded], views: int) -> Encoded:
        """Single images' maps as those of a batch: first all images, then, where there are two views, all mirrored."""
        if len(images) == 1:
            return images[0]
        return self.engine.join([image.rows([view]) for view in range(views) for image in images])

    def answers(
        self, features: Encoded, asked: Sequence[Asking], tta: bool
    ) -> Iterator[tuple[Asking, NDArray[np.float32], float | None]]:
        """Answer questions about encoded images.

        Args:
            features: of :meth:`encode`, with the same ``tta``.
            asked: (row of the image, sentence in the model's own words).
            tta: as in :meth:`set_image`.

        Yields:
            the question, logits float32[V, 1, h, w] of its views as :meth:`views` gives them, and the calibrated
            probability of presence.
        """
        scale, bias = self._presence["scale"], self._presence["bias"]
        for question, said in zip(asked, self.views(features, asked, tta), strict=True):
            sure = None if said.presence is None else float(_sigmoid(said.presence * scale + bias).mean())
            yield question, said.logits, sure

    def views(self, features: Encoded, asked: Sequence[Asking], tta: bool) -> Iterator[Views]:
        """What the network says of questions about encoded images, nothing calibrated or averaged yet.

        With ``tta`` each is asked of the mirrored image too.

        Args:
            features: of :meth:`encode`, with the same ``tta``.
            asked: (row of the image, sentence in the model's own words).
            tta: as in :meth:`set_image`.

        Yields:
            of each question what is said in its V views, all the right way round.
        """
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            views = list(part)
            if tta:
                rows = len(features) // 2
                views += [(rows + i, text and mirror_words(text, "horizontal")) for i, text in part]
            logits, there = self.engine.answer(features, [row for row, _ in views], [text for _, text in views])
            if tta:
                logits = np.concatenate([logits[: len(part)], logits[len(part) :, ..., ::-1]])
            for j in range(len(part)):
                own = slice(j, None, len(part))
                yield Views(logits[own], None if there is None else there[own])


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = 1 / (1 + np.exp(-values.astype(np.float64).clip(-700, 700)))
    return shares


def _rows(features: Encoded, row: int, of: int) -> Encoded:
    """A copy of what belongs to one image of a batch: its row and, with test-time augmentation, the mirrored one's."""
    return features if of == 1 else features.rows(range(row, len(features), of))
