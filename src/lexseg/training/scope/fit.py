"""Fitting the scope of a trained model to its cases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lexseg.encoders.text.batch import TextBatch
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError
from lexseg.models.device import device_of
from lexseg.models.io import LoadedModel
from lexseg.models.scope import Scope
from lexseg.training.scope.images import fit_images
from lexseg.training.scope.sentences import labelled_sentences, natural_sentences
from lexseg.training.scope.words import REFUSED_NATURAL, EncodedSentences, fit_words
from lexseg.training.scope.worlds import ScopeWorld

KNOWN, FOREIGN = 1200, 1800
"""Sentences of each world that the judge of words is fitted on, true and foreign; a third as many calibrate it."""

Progress = Callable[[int, int], None]
"""Called with the number of sentences and images that are done, and of all."""


@dataclass(frozen=True)
class ScopeReport:
    """How well a scope tells what was kept from its fitting but not from its thresholds.

    Attributes:
        words_refused: by world, the share of true questions of names not fitted on that are refused; empty where words
            are not judged.
        words_accepted: by kind, the share of foreign questions, of names not fitted on, that are not.
        images_refused: by world, the share of validation images that are refused.
        images_accepted: by world, the share of the other worlds' images that would be taken for one of this world, had
            the model never met theirs.
    """

    words_refused: dict[str, float]
    words_accepted: dict[str, float]
    images_refused: dict[str, float]
    images_accepted: dict[str, float]


def fit_scope(
    loaded: LoadedModel,
    worlds: Sequence[ScopeWorld],
    *,
    refused: float = REFUSED_NATURAL,
    device: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Scope, ScopeReport]:
    """Fit what a model knows to what it was trained on.

    The words are judged only where a frozen text encoder reads them: the states of one that is trained along tell what
    its training needed, and nothing of other words.

    Args:
        loaded: the model.
        worlds: its training and validation cases, by world.
        refused: the share of true questions as people type them that may be refused
            (:data:`lexseg.training.scope.words.REFUSED_NATURAL`).
        device: where to run; ``None`` is a GPU where there is one.
        seed: of the sentences drawn, the images chosen and the fit.
        progress: told how far it is.

    Raises:
        ConfigError: there is no world, or one without training cases.
        DataError: an image cannot be read.
    """
    if not worlds:
        raise ConfigError("a scope needs the name of at least one world")
    for world in worlds:
        if not world.images("train"):
            raise ConfigError(f"the world {world.name!r} has no training case; scope is fitted to what was trained on")
    place = device_of(device)
    words = None
    told: tuple[dict[str, float], dict[str, float]] = ({}, {})
    if loaded.text_encoder is not None and not loaded.text_encoder.trainable:
        pipeline = TextPipeline(loaded.text_encoder.to(place))
        fitted, calibrated, natural = _sentences(worlds, pipeline, seed, progress)
        words, logits = fit_words(fitted, calibrated, natural, refused_natural=refused, seed=seed)
        told = _words_report(worlds, logits, calibrated)
    images, image_report = fit_images(loaded, worlds, device=place, seed=seed, progress=progress)
    scope = Scope(tuple(world.described() for world in worlds), words, images)
    return scope, ScopeReport(*told, *image_report)


def _sentences(
    worlds: Sequence[ScopeWorld], pipeline: TextPipeline, seed: int, progress: Progress | None
) -> tuple[EncodedSentences, EncodedSentences, EncodedSentences | None]:
    rows = [
        labelled_sentences(worlds, "fit", known=KNOWN, foreign=FOREIGN, seed=seed),
        labelled_sentences(worlds, "calibrate", known=KNOWN // 3, foreign=FOREIGN // 3, seed=seed),
        natural_sentences(worlds, seed),
    ]
    total, done = sum(map(len, rows)), 0

    def encode(texts: Sequence[str]) -> TextBatch:
        nonlocal done
        batch = pipeline(list(texts))
        done += len(texts)
        if progress is not None:
            progress(done, total)
        return batch

    fitted, calibrated, natural = (EncodedSentences.of(each, encode) if each else None for each in rows)
    assert fitted is not None and calibrated is not None
    return fitted, calibrated, natural


def _words_report(
    worlds: Sequence[ScopeWorld], logits: np.ndarray, encoded: EncodedSentences
) -> tuple[dict[str, float], dict[str, float]]:
    refused: dict[str, list[bool]] = {world.name: [] for world in worlds}
    accepted: dict[str, list[bool]] = {}
    for row, own in zip(encoded.rows, logits, strict=True):
        passes = bool(own[row.world] >= 0)
        if row.kind == "known":
            refused[worlds[row.world].name].append(not passes)
        else:
            accepted.setdefault(row.kind, []).append(passes)
    return tuple({k: float(np.mean(v)) for k, v in each.items() if v} for each in (refused, accepted))  # type: ignore[return-value]
