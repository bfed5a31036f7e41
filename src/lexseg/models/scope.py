"""What a model has learnt, and whether a question lies within it: its images, its words, and both together.

Absent is one thing: a known finding that this image does not show. Not in scope is another: an image or words that the
model never met, or words of another of its worlds than the image. It is told by the model itself: by how far the
sentence lies from those it was trained on, and the image's features from those of
its training images (`ImageScorer`, `WordsScorer`). :mod:`lexseg.training.scope` fits both.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from lexseg.errors import ModelError
from lexseg.files import replace_file
from lexseg.models.config import CONFIG, SCOPE_FORMAT, ImageScope, Reason, WordsScope, World, read_worlds

__all__ = ["SCOPE", "ImageScope", "Reason", "Scope", "WordsScope", "World", "read_worlds"]

SCOPE = "scope.safetensors"


class ImageScorer:
    """Distances to the nearest training images of each world, in whitened spaces of pooled features.

    An image is one of a world where it lies near that world's in every space.

    Args:
        state: ``shift`` float[F], ``project`` float[F, K], ``bank`` float16[N, K], ``world`` int64[N], ``space``
            int64[K], to which of S spaces each direction belongs (missing: there is one), ``radius`` float[S, W], or
            [W] of one space, and ``neighbours`` int64[]: in a space, an image's distance from a world is that to its
            neighbour of that rank within the world, over the world's radius there.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = {name: np.asarray(value) for name, value in state.items()}
        bank = self._state["bank"].astype(np.float32)
        self._radii = np.atleast_2d(self._state["radius"])
        space = self._state.get("space", np.zeros(bank.shape[1], np.int64))
        self._directions = [space == number for number in range(len(self._radii))]
        self._banks = [bank[:, own] for own in self._directions]
        self._k = int(self._state["neighbours"])

    def state(self) -> dict[str, NDArray[Any]]:
        """What the scorer is made from."""
        return dict(self._state)

    def __call__(self, maps: Sequence[Any]) -> NDArray[np.float32]:
        """Judge encoded images.

        Args:
            maps: of :class:`lexseg.models.base.Features`, float[B, C, h, w] each.

        Returns:
            float32[B, W], of the space where it is largest: at most 1 where an image is one of that world.
        """
        return self.judge(pooled(maps))

    def judge(self, features: ArrayLike) -> NDArray[np.float32]:
        """The same of pooled features float[B, F]."""
        points = (np.asarray(features, np.float32) - self._state["shift"]) @ self._state["project"]
        spaces = zip(self._directions, self._banks, self._radii, strict=True)
        each = [self._distances(points[:, own], bank) / radius for own, bank, radius in spaces]
        highest: NDArray[np.float32] = np.max(each, axis=0)
        return highest

    def _distances(self, points: NDArray[np.float32], bank: NDArray[np.float32]) -> NDArray[np.float32]:
        """From points [B, K] to each world's images in a bank [N, K]: float32[B, W]."""
        # each difference, not the squares' sum less the products': near a point that would lose its last digits
        apart = np.stack([np.sqrt(np.square(bank - point).sum(1)) for point in points])
        columns = []
        for world in range(self._radii.shape[1]):
            own = apart[:, self._state["world"] == world]
            nth = min(self._k, own.shape[1]) - 1
            columns.append(np.partition(own, nth, axis=1)[:, nth])
        return np.stack(columns, axis=1)


def pooled(maps: Sequence[Any]) -> NDArray[np.float32]:
    """The mean and the spread of every channel of every map: float32[B, F].

    Args:
        maps: float[B, C, h, w] each, arrays, or tensors on any device.
    """
    parts = []
    for each in maps:
        flat = array_of(each).reshape(*each.shape[:2], -1)
        parts += [flat.mean(2), flat.std(2)]
    return np.concatenate(parts, axis=1)


def array_of(values: Any) -> NDArray[np.float32]:
    """An array, or a tensor wherever it lies, as a float32 array."""
    there = values.detach().float().cpu() if hasattr(values, "detach") else values
    return np.asarray(there, np.float32)


_erf = np.frompyfunc(math.erf, 1, 1)


class WordsScorer:
    """A small network over what a sentence's tokens have in common, and what only one of them says.

    One foreign noun in a familiar sentence makes it foreign: so beside the mean of the token states it sees their
    maxima and minima.

    Args:
        state: ``shift`` and ``scale`` float[3D] of the features (:func:`sentence_features`), ``hidden.weight``
            float16[H, 3D], ``hidden.bias`` float[H], ``out.weight`` float[W, H] and ``out.bias`` float[W] for W worlds;
            the bias is such that a score of one half is the threshold. ``bank`` float16[N, D]: mean states of
            sentences, of unit length.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = {name: np.asarray(value) for name, value in state.items()}
        self._working = {name: value.astype(np.float32) for name, value in self._state.items()}

    def state(self) -> dict[str, NDArray[Any]]:
        """What the scorer is made from."""
        return dict(self._state)

    def __call__(self, states: Any, mask: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge sentences.

        Args:
            states: float[B, L, D].
            mask: bool[B, L], true where a token is; a row without any is a null sentence, and its answer means nothing.

        Returns:
            scores float32[B, W] in 0..1, and distances float32[B] to the nearest of the bank: 1 - cosine.
        """
        features = sentence_features(states, mask)
        means = _unit(features[:, : states.shape[-1]])
        with np.errstate(over="ignore"):
            scores: NDArray[np.float32] = np.reciprocal(1 + np.exp(-self.logits(features)))
        distances: NDArray[np.float32] = 1 - (means @ self._working["bank"].T).max(axis=1)
        return scores, distances

    def logits(self, features: ArrayLike) -> NDArray[np.float32]:
        """float32[B, W] of features float[B, 3D]: 0 or more where a sentence belongs to a world."""
        w = self._working
        inputs = (np.asarray(features, np.float32) - w["shift"]) / w["scale"]
        before = inputs @ w["hidden.weight"].T + w["hidden.bias"]
        hidden = before * (0.5 + 0.5 * np.asarray(_erf(before / math.sqrt(2)), np.float32))  # GELU
        return np.asarray(hidden @ w["out.weight"].T + w["out.bias"], np.float32)


def sentence_features(states: Any, mask: Any) -> NDArray[np.float32]:
    """The mean of a sentence's token states, of length sqrt(D), and the maxima and minima of its words'.

    Args:
        states: float[B, L, D].
        mask: bool[B, L], true where a token is. The first and the last are special ones, and left out of the extremes.

    Returns:
        float32[B, 3D]; zeros for a row without tokens.
    """
    values, there = array_of(states), array_of(mask).astype(np.bool_)
    means = _unit((values * there[..., None]).sum(1)) * np.float32(values.shape[-1] ** 0.5)
    place = there.cumsum(1)
    words = there & (place > 1) & (place < there.sum(1, keepdims=True))
    words = np.where(words.any(1, keepdims=True), words, there)[..., None]
    some = there.any(1, keepdims=True)
    highest = np.where(some, np.where(words, values, -np.inf).max(1), 0)
    lowest = np.where(some, np.where(words, values, np.inf).min(1), 0)
    return np.concatenate([means, highest, lowest], axis=1, dtype=np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of length one, float32[B, D]; zero stays zero."""
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return unit


class EncodedWords(Protocol):
    """Sentences, as any engine gives them: ``states`` float[B, L, D] or ``None``; truth values of tokens and rows."""

    @property
    def states(self) -> Any: ...
    @property
    def attention_mask(self) -> Any: ...
    @property
    def is_null(self) -> Any: ...


class Maps(Protocol):
    """Encoded images, as any engine gives them: float[B, C, h, w] each."""

    @property
    def maps(self) -> Any: ...


class Scope:
    """What a model has learnt. It never changes, so that threads may share it.

    Args:
        worlds: what there is, in the order of the scorers' columns.
        words: ``None`` for a model whose words cannot be judged (it reads none, or trained its own text encoder).
        images: ``None`` where images cannot be judged.
        sha256: of ``scope.safetensors``; ``None`` where it was never saved.
    """

    def __init__(
        self,
        worlds: tuple[World, ...],
        words: WordsScorer | None = None,
        images: ImageScorer | None = None,
        *,
        sha256: str | None = None,
    ) -> None:
        self.worlds, self._words, self._images, self.sha256 = worlds, words, images, sha256
        self.names = tuple(world.name for world in worlds)

    @property
    def judges_words(self) -> bool:
        """Whether words can be judged, and do not all count as known."""
        return self._words is not None

    def words(self, text: EncodedWords) -> list[WordsScope]:
        """Judge each sentence of a batch.

        Args:
            text: with the frozen text encoder's states.
        """
        if self._words is None or text.states is None:
            return [WordsScope(True, {}, 0.0)] * len(text.is_null)
        scores, distances = self._words(text.states, text.attention_mask)
        return [
            WordsScope(True, {}, 0.0)
            if null
            else WordsScope(max(row) >= 0.5, dict(zip(self.names, row, strict=True)), distance)
            for null, row, distance in zip(text.is_null.tolist(), scores.tolist(), distances.tolist(), strict=True)
        ]

    def image(self, features: Maps) -> list[ImageScope]:
        """Judge each image of a batch, by the maps that the model keeps of it."""
        if self._images is None:
            return [ImageScope(True, None, 0.0)] * len(features.maps[0])
        distances = self._images(features.maps)
        rows = zip(distances.argmin(axis=1).tolist(), distances.min(axis=1).tolist(), strict=True)
        return [ImageScope(d <= 1, self.names[i] if d <= 1 else None, d) for i, d in rows]

    def save(self, folder: Path) -> None:
        """Write ``scope.safetensors`` and the part ``scope`` of ``config.json`` into a model's folder."""
        folder = Path(folder)
        parts = {"words": self._words, "images": self._images}
        state: dict[str, NDArray[Any]] = {
            f"{name}.{key}": np.array(array, order="C")
            for name, part in parts.items()
            if part is not None
            for key, array in part.state().items()
        }
        data = save(state)
        replace_file(folder / SCOPE, data)
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        values["scope"] = {
            "format": SCOPE_FORMAT,
            "sha256": hashlib.sha256(data).hexdigest(),
            "worlds": [asdict(world) for world in self.worlds],
        }
        text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
        replace_file(folder / CONFIG, text.encode("utf-8"))

    @classmethod
    def load(cls, folder: Path | str) -> "Scope | None":
        """Read a model's scope; ``None`` where its folder has none, as older ones have not.

        Raises:
            ModelError: it is there, but damaged, or of a later version.
        """
        folder = Path(folder)
        told = read_worlds(folder)
        if told is None:
            return None
        worlds, digest = told
        try:
            data = (folder / SCOPE).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder / SCOPE}: cannot be read ({error.strerror}); copy the model again") from error
        if hashlib.sha256(data).hexdigest() != digest:
            why = f"is damaged (its SHA-256 is not the one in {CONFIG})"
            raise ModelError(f"{folder / SCOPE}: {why}; copy the model again")
        try:
            state = load(data)
            parts = {
                name: {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
                for name in ("words", "images")
            }
            words = WordsScorer(parts["words"]) if parts["words"] else None
            images = ImageScorer(parts["images"]) if parts["images"] else None
        except (SafetensorError, KeyError) as error:
            raise ModelError(f"{folder / SCOPE}: does not fit this version of LexSeg: {error}") from error
        return cls(worlds, words, images, sha256=digest)
