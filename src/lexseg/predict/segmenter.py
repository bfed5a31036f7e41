"""The Segmenter: load a model once, set an image once, ask many sentences."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import ModelError, TextError, check_flags
from lexseg.language.sides import Laterality
from lexseg.models.config import bundled_models, find_model, read_config
from lexseg.models.place import has_panels, may_be_tidied, to_input
from lexseg.models.scope import Scope
from lexseg.predict.answered import SEVERAL, Outside, outside
from lexseg.predict.ask import Question, segment_together
from lexseg.predict.engine import Encoded
from lexseg.predict.engines import EngineChoice, open_engine
from lexseg.predict.images import ImageLike, check_spacing, load_image
from lexseg.predict.network import CHUNK, Look, Network
from lexseg.predict.options import Asked, Options
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.words import Heard, Sides, Spoken, hear, judge, speak
from lexseg.scans.scan import shown

if TYPE_CHECKING:
    import torch

    from lexseg.models.scope import ImageScope, WordsScope
    from lexseg.predict.answer import Answer
    from lexseg.predict.asker import Panel
    from lexseg.predict.whole_report import FindingResult

_UNKNOWN = Sides()


class _Origin(NamedTuple):
    """What a model was loaded from, and how."""

    model: str
    device: str | None
    engine: EngineChoice


class Segmenter(Network):
    """Segments images by sentences with a loaded model: :class:`lexseg.predict.network.Network`, that looks at images.

    It never changes, so that many threads may share one. Processes may be given one, too: what is pickled is where it
    was loaded from, and how, and each loads it anew. Args are those of `Network`.
    """

    _origin: _Origin | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Where it was loaded from, for :mod:`pickle`; no weights.

        Raises:
            ModelError: it was made of a network in memory, and loaded from nowhere.
        """
        if self._origin is None:
            raise ModelError(
                "a Segmenter of a network in memory cannot be given to another process: save the model as a folder "
                "(lexseg.models.io.save_model), and give Segmenter.from_pretrained(folder)"
            )
        return _loaded_again, (type(self), self._origin, self.name, self.sha256, self._presence)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = "default",
        *,
        device: "torch.device | str | None" = None,
        operating_point: str | None = None,
        engine: EngineChoice = "auto",
    ) -> "Segmenter":
        """Load a model: a bundled name, a model folder, a run's folder or a hub id.

        Args:
            model: the model.
            device: where to run; ``None`` takes a GPU where there is one.
            operating_point: as of :meth:`at`; ``None`` takes the model's own threshold.
            engine: what runs it: ``torch``; ``onnx``, ONNX Runtime, on a CPU; ``auto`` takes ONNX Runtime where it is
                installed, graphs of this very model are at hand, and no GPU is.

        Raises:
            ModelError: if there is no such model, or it is damaged.
            ConfigError: if it has no such operating point, or the engine or device cannot be used.
        """
        folder = find_model(model)
        config = read_config(folder)
        where = None if device is None else str(device)
        runs, notes = open_engine(folder, config, engine=engine, device=where)
        segmenter = cls(
            runs,
            size=config.size,
            fit=config.fit,
            threshold=config.threshold,
            presence=config.presence,
            laterality=config.laterality,
            modalities=config.modalities,
            plain=config.plain,
            name=str(model),
            sha256=config.weights_sha256,
            scope=Scope.load(folder),
        )
        segmenter.notes = notes
        # a folder by its whole path, as another process may be in another; what comes from the hub by its id
        local = folder not in bundled_models().values() and Path(model).expanduser().is_dir()
        segmenter._origin = _Origin(str(folder.absolute() if local else model), where, engine)
        return segmenter if operating_point is None else segmenter.at(operating_point)

    def set_image(
        self, image: ImageLike, *, spacing: tuple[float, float] | None = None, tta: bool = False
    ) -> "ImageSession":
        """Look at an image, once for all the sentences that will be asked about it.

        Args:
            image: a path, an array [H, W] or [H, W, 3], or a Pillow image.
            spacing: millimetres between pixel centres, (row, column).
            tta: test-time augmentation: look at the mirrored image too, ask with left and right swapped, and average.

        Raises:
            DataError: if the image or the spacing cannot be used.
        """
        if spacing is not None:
            check_spacing(spacing)
        return self.sessions([(load_image(image), spacing, Sides())], tta=tta, keep=True)[0]

    def segment(
        self,
        image: ImageLike,
        text: str | None = None,
        *,
        spacing: tuple[float, float] | None = None,
        tta: bool = False,
        threshold: float | None = None,
        laterality: Laterality | None = None,
        anyway: bool = False,
        language: str | None = None,
    ) -> Segmentation:
        """Find in an image what a sentence names, in one call.

        For several sentences about one image :meth:`set_image` looks at it only once;
        :func:`lexseg.predict.tiles.segment_tiled` asks a large one piece by piece. Args and errors are those of
        :meth:`set_image` and :meth:`ImageSession.segment`.
        """
        options = Options(threshold=threshold, laterality=laterality, anyway=anyway, language=language)
        asked = (text, options, Sides())

        def read() -> Spoken | None:
            said = speak(self, *asked)
            if self.scope is not None and said is not None and (words := said.most_likely_read) is not None:
                self.engine.words([words])  # while the image is encoded; they are remembered
            return said

        session, said = self.engine.both(lambda: self.set_image(image, spacing=spacing, tta=tta), read)
        heard = judge(self, [asked], [said], [session.world])
        return next(segment_together([Question.about(session, *heard)]))

    def set_images(
        self, images: Iterable[tuple[NDArray[np.float32], tuple[float, float] | None]], *, tta: bool = False
    ) -> "list[ImageSession]":
        """Look at several images at once, which is faster than at one after the other.

        Args:
            images: float32[H, W] or [H, W, 3] in 0..1, of any sizes, each with its spacing as in :meth:`set_image`.
                They are taken one by one: large ones need not fit into memory together.
            tta: as in :meth:`set_image`.
        """
        return self.sessions(((pixels, spacing, Sides()) for pixels, spacing in images), tta=tta)

    def sessions(
        self,
        images: Iterable[tuple[NDArray[np.float32], tuple[float, float] | None, Sides]],
        *,
        tta: bool = False,
        keep: bool = False,
        alone: bool = False,
    ) -> "list[ImageSession]":
        """As :meth:`set_images`, of images whose sides may be known; ``keep`` has answers know what they are about.

        What the model does not know, or hardly, is looked at otherwise, too: :meth:`look_at`. What looks like several
        pictures is cut (:mod:`lexseg.predict.panels`), or said to look so, unless its header says where the patient's
        left lies: that can be true of one alone. With ``alone`` nothing is taken for several.
        """
        if tta not in (True, False):
            check_flags(tta=tta)
        inputs: list[NDArray[np.float32]] = []
        about: list[dict[str, Any]] = []
        spare: dict[int, NDArray[np.float32]] = {}
        several: dict[int, NDArray[np.float32]] = {}
        for pixels, spacing, sides in images:
            inputs.append(to_input(pixels, self.size, self.fit))
            if self.scope is not None and may_be_tidied(pixels):
                spare[len(about)] = pixels
            if not alone and sides.patient_left is None and has_panels(pixels):
                several[len(about)] = pixels
            height, width = pixels.shape[:2]
            kept = shown(pixels) if keep else None
            about.append(
                {
                    "shape": (height, width),
                    "spacing": spacing,
                    "sides": sides,
                    "blank": _is_blank(pixels),
                    "shown": kept,
                }
            )
        if not inputs:
            return []
        cut = self._cut(inputs, several, about, tta)
        rest = [row for row in range(len(inputs)) if row not in cut]
        framed = {i: spare[row] for i, row in enumerate(rest) if row in spare}
        for row, look in zip(rest, self.look_at([inputs[row] for row in rest], framed, tta), strict=True):
            cut[row] = look._replace(doubts=(*look.doubts, SEVERAL)) if row in several else look, ()
        return [
            ImageSession(
                self, look.features, tta=tta, known=look.known, inside=look.inside, doubts=look.doubts, panels=panels,
                **each,
            )
            for (look, panels), each in zip((cut[row] for row in range(len(inputs))), about, strict=True)
        ]  # fmt: skip

    def _cut(
        self,
        inputs: Sequence[NDArray[np.float32]],
        several: dict[int, NDArray[np.float32]],
        about: Sequence[dict[str, Any]],
        tta: bool,
    ) -> "dict[int, tuple[Look, tuple[Panel, ...]]]":
        """By number, what is made of the images that are cut into their pictures, of those that look like several."""
        if self.scope is None or not several:
            return {}
        from lexseg.predict.panels import CUT, cut

        found = {}
        wholes = self._seen([inputs[row] for row in several], tta)
        for (row, image), whole in zip(several.items(), wholes, strict=True):
            if panels := cut(self, image, whole.distance, (about[row]["spacing"], about[row]["sides"]), tta):
                found[row] = whole._replace(doubts=(CUT,)), panels
        return found

    def segment_batch(
        self, images: Sequence[ImageLike], texts: Sequence[Sequence[str | None]], tta: bool = False
    ) -> list[list[NDArray[np.float32]]]:
        """The probabilities of :meth:`answer_batch` alone: a mask made of them forgets presence."""
        return [[answer.probability for answer in answers] for answers in self.answer_batch(images, texts, tta)]

    def answer_batch(
        self,
        images: Sequence[ImageLike],
        texts: Sequence[Sequence[str | None]],
        tta: bool = False,
        *,
        anyway: bool = False,
    ) -> "list[list[Answer]]":
        """Answer several sentences about each of several images; each image is encoded once.

        As in :meth:`ImageSession.segment`, what a sentence says is *not* there and what is not in scope is not looked
        for, and nothing is found of what contradicts itself.

        Args:
            images: as for :meth:`set_image`, of any sizes.
            texts: for each image a list of its sentences, in the model's own laterality; ``None`` and "" are the null
                sentence.
            tta: as in :meth:`set_image`.
            anyway: as in :meth:`ImageSession.segment`.

        Returns:
            for each image and sentence the answer, at the image's own size.

        Raises:
            DataError: an image cannot be used.
            TextError: there is not one list of sentences for each image, or a sentence cannot be used.
        """
        if len(images) != len(texts):
            raise TextError(f"{len(images)} images, but sentences for {len(texts)}; one list for each was expected")
        if any(isinstance(each, str) for each in texts):
            raise TextError("a sentence stands where an image's list of sentences was expected: [sentence]")
        from lexseg.predict.answer import Answer

        results: list[list[Answer]] = []
        for start in range(0, len(images), CHUNK):
            own = [[text if text and text.strip() else None for text in each] for each in texts[start : start + CHUNK]]
            heard = [hear(self, [(text, Options(anyway=anyway), Sides()) for text in each]) for each in own]
            sessions = self.set_images(((load_image(i), None) for i in images[start : start + CHUNK]), tta=tta)
            answers = segment_together(
                [Question.about(s, h) for s, each in zip(sessions, heard, strict=True) for h in each]
            )
            results += [[Answer.of(next(answers)) for _ in each] for each in heard]
        return results


class ImageSession:
    """One image, encoded, to ask sentences about. It never changes, so that threads may share it.

    Attributes:
        shape: (H, W) of the image.
        features: of the encoded image.
        sides: where its header says that the patient's left lies.
        blank: whether all its pixels are equal.
        known: where it lies in what the model has learnt; ``None`` where the model's scope is unknown.
        shown: the image as it is shown, at most 2048 pixels wide and high, for the answers' pictures; ``None`` where
            it was not kept, as of many images at once.
        inside: the rows and columns that were looked at, where the whole image is none that the model knows
            (:func:`lexseg.models.place.tidied`); else ``None``.
        doubts: why its answers may not be what the user expects: how it was looked at, where not as it is, and
            whether it looks like several.
        panels: the pictures that it was cut into, each of which is asked by itself; else none.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        features: Encoded,
        shape: tuple[int, int],
        *,
        spacing: tuple[float, float] | None = None,
        tta: bool = False,
        sides: Sides = _UNKNOWN,
        blank: bool = False,
        known: "ImageScope | None" = None,
        shown: NDArray[np.uint8] | None = None,
        inside: tuple[slice, slice] | None = None,
        doubts: tuple[str, ...] = (),
        panels: "tuple[Panel, ...]" = (),
    ) -> None:
        self.segmenter, self.features, self.shape, self.spacing, self.tta = segmenter, features, shape, spacing, tta
        self.sides, self.blank, self.known, self.shown = sides, blank, known, shown
        self.inside, self.doubts, self.panels = inside, doubts, panels

    @property
    def nbytes(self) -> int:
        """The memory that the encoded image takes."""
        own = self.features.nbytes + (0 if self.shown is None else self.shown.nbytes)
        return own + sum(panel.session.nbytes for panel in self.panels)

    @property
    def world(self) -> str | None:
        """The kind of image that it is, of those that the model has learnt; ``None`` where that is unknown."""
        if self.panels:
            from lexseg.predict.panels import world_of

            return world_of(self.panels)
        return self.known.world if self.known is not None and self.known.known else None

    def outside(self, words: "WordsScope | None") -> Outside | None:
        """Why a question about the image is not in the model's scope; ``None`` where it is, or the scope is unknown.

        Args:
            words: of :meth:`Segmenter.known_words`; ``None`` judges the image alone.
        """
        if self.panels:
            from lexseg.predict.panels import outside_of

            return outside_of([panel.session.outside(words) for panel in self.panels])
        return outside(self.segmenter.scope, self.known, words, blank=self.blank)

    def ask(self, text: str | None = None, **how: Unpack[Asked]) -> Question:
        """Check a question without asking it yet, for :func:`lexseg.predict.ask.segment_together`.

        Args and errors are those of :meth:`segment`.
        """
        return Question.about(self, Heard.of(self.segmenter, text, Options(**how), self.sides, self.world))

    def segment(
        self,
        text: str | None = None,
        *,
        threshold: float | None = None,
        laterality: Laterality | None = None,
        anyway: bool = False,
        language: str | None = None,
    ) -> Segmentation:
        """Find in the image what the sentence names.

        What it says is *not* there ("no infection on the left; opacity on the right") is not looked for; where that is
        all of it, the result is ``negated``. "The left lesion in the right lung" is not found. Where the model says
        that what is named is absent, the mask is empty; where image or words are none that it has learnt, the
        result is ``not in scope`` and nothing is looked for.

        Args:
            text: the sentence; ``None`` asks without one.
            threshold: probability from which on a pixel is foreground, between 0 and 1; ``None`` takes the model's.
            laterality: whose left the sentence's "left" is, ``image`` or ``patient``; the words are rewritten where the
                model's own convention is the other one. ``None`` takes the model's own.
            anyway: look also for what is not in scope: the result then says so, and means little.
            language: of the sentence, as ISO 639-1 code; ``None`` is English.

        Raises:
            TextError: if the sentence is blank or longer than the text encoder reads, or there is no lexicon of its
                language.
            ConfigError: for an impossible threshold or laterality.
        """
        asked = self.ask(text, threshold=threshold, laterality=laterality, language=language, anyway=anyway)
        return next(segment_together([asked]))

    def segment_report(
        self,
        text: str,
        *,
        threshold: float | None = None,
        laterality: Laterality | None = None,
        anyway: bool = False,
        language: str | None = None,
    ) -> "list[FindingResult]":
        """Find what each sentence of a report names (:func:`lexseg.predict.whole_report.segment_report`)."""
        from lexseg.predict.whole_report import segment_report

        return segment_report(self, text, threshold=threshold, laterality=laterality, language=language, anyway=anyway)


def _loaded_again(
    kind: type[Segmenter], origin: _Origin, name: str, sha256: str | None, presence: dict[str, float]
) -> Segmenter:
    """A segmenter as it was when it was pickled.

    Raises:
        ModelError: the model is not there, or is another one by now.
    """
    segmenter = kind.from_pretrained(origin.model, device=origin.device, engine=origin.engine)
    if segmenter.sha256 != sha256:
        raise ModelError(f"{origin.model}: holds another model by now than when the Segmenter was loaded; load it anew")
    segmenter.name, segmenter._presence = name, presence
    return segmenter


def _is_blank(image: NDArray[np.float32]) -> bool:
    """Whether all pixels of an image, [H, W] or [H, W, 3], are equal: it shows nothing."""
    return bool((image == image[:1, :1]).all())
