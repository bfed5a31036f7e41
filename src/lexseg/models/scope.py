"""What a model has learnt, and whether a question lies within it: its images, its words, and both together.

Absent is one thing: a known finding that this image does not show. Not in scope is another: an image or words that the
model never met, or words of another of its worlds than the image. It is told by the model itself: by how far the
sentence lies from those it was trained on, and the image's features from those of
its training images (:mod:`lexseg.models.scope_scorers`). :mod:`lexseg.training.scope` fits both.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from lexseg.errors import ModelError
from lexseg.files import replace_file
from lexseg.models.scope_scorers import ImageScorer, WordsScorer
from lexseg.models.worlds import CONFIG, FORMAT, ImageScope, Reason, WordsScope, World, read_worlds

__all__ = ["SCOPE", "ImageScope", "Reason", "Scope", "WordsScope", "World", "read_worlds"]

SCOPE = "scope.safetensors"


class Sentences(Protocol):
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

    def words(self, text: Sentences) -> list[WordsScope]:
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
            "format": FORMAT,
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
