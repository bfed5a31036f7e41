"""From a study in a PACS to a segmentation beside it: find the series, retrieve, segment, store once."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pydicom
from pydicom import Dataset

from lexseg.errors import LexSegError, PacsError, check_flags
from lexseg.language.foreign import to_model_words
from lexseg.language.sides import Laterality
from lexseg.outputs.derived import new_uids, source_of
from lexseg.outputs.formats import SEG, Written
from lexseg.outputs.references import is_placed
from lexseg.pacs.listing import SeriesEntry
from lexseg.pacs.request import PacsQuestion, answer_uid
from lexseg.pacs.web import PacsClient
from lexseg.predict.answered import Outside, noted
from lexseg.predict.ask import Options, ask
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.private import private_folder
from lexseg.scans.dicom.kinds import not_an_image
from lexseg.scans.open import open_scan, open_scans
from lexseg.scans.scan import Scan

_SECTIONS = ("CT", "MR", "PT", "NM")  # kinds of images that have a place in the patient; of others it must be looked up

Progress = Callable[[str, int, int], None]
State = Literal["stored", "there already", "not stored", "not found", "negated", "not in scope"]


@dataclass(frozen=True, slots=True, eq=False)
class StoredOutcome:
    """What became of one sentence about one image or volume of a series.

    Attributes:
        image: number of the image or volume in the series, from 0.
        sentence: its number among the question's, from 0.
        state: ``stored`` now, ``there already`` from an earlier call, ``not stored`` as nothing was to be stored,
            ``not found``, ``negated`` or ``not in scope``: nothing to store.
        uid: SOPInstanceUID of the segmentation, be it stored or not.
        numbers: of the mask, as :meth:`lexseg.predict.volumes.VolumeSegmentation.describe`; ``None`` where it was
            there already.
        dataset: the segmentation; ``None`` where there is none, or it is only in the PACS.
        laterality: whose left the sentence's "left" was taken to be.
        outside: why the question is not in the model's scope; with a segmentation where it was asked anyway.
        notes: what looks odd about the images, and is doubtful about the answer.
    """

    image: int
    sentence: int
    state: State
    uid: str
    numbers: dict[str, Any] | None = None
    dataset: Dataset | None = None
    laterality: Laterality | None = None
    outside: Outside | None = None
    notes: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """SeriesInstanceUID that the segmentation gets, made from its own UID."""
        return str(new_uids(self.uid)[1])


def choose_series(pacs: PacsClient, study: str, series: str | None = None) -> SeriesEntry:
    """The series of a study that is to be segmented.

    Args:
        pacs: where the study is.
        study: its StudyInstanceUID.
        series: the SeriesInstanceUID; ``None`` where the study holds but one with images.

    Raises:
        PacsError: if there is no such study or series, it holds no images, or several could be meant; the message
            lists what there is.
    """
    listed = pacs.series(study)
    if not listed:
        raise PacsError("the PACS holds no such study; `lexseg pacs find` lists those it holds")
    if series is not None:
        found = next((each for each in listed if each.uid == series), None)
        if found is None:
            raise PacsError(f"the study holds no such series; it holds:\n{_lines(listed)}")
        if not found.has_pictures:
            raise PacsError(f"the series holds no images ({found.modality}); the study holds:\n{_lines(listed)}")
        return found
    pictures = [each for each in listed if each.has_pictures]
    if not pictures:
        raise PacsError(f"the study holds no images; it holds:\n{_lines(listed)}")
    if len(pictures) > 1:
        raise PacsError(f"the study holds {len(pictures)} series; say which by --series:\n{_lines(pictures)}")
    return pictures[0]


@dataclass(frozen=True, slots=True)
class SeriesJob:
    """Segments a series and stores what is found beside it: a DICOM SEG for each sentence, and each image or volume.

    A question that was asked before is not asked again: its answer has the same identifier, which the PACS is asked for
    first. Images are kept in a folder that only this user can read, and only while they are needed.

    Attributes:
        pacs: where the images are, and the segmentations go.
        segmenter: what answers.
        study: StudyInstanceUID.
        series: of :func:`choose_series`.
        question: what is asked.
        store: False stores nothing.
        keep: whether outcomes hold the segmentations that were there already, too; they are then retrieved.
        progress: called as ``progress(stage, done, total)``; what it raises ends the work.
    """

    pacs: PacsClient
    segmenter: Segmenter
    study: str
    series: SeriesEntry
    question: PacsQuestion
    store: bool = True
    keep: bool = False
    progress: Progress = lambda stage, done, total: None

    def run(self) -> list[StoredOutcome]:
        """Fetch the series, answer the question about each image, and store the results where that is asked for.

        Raises:
            PacsError: if the PACS cannot be reached or refuses.
            DataError: if the images cannot be read, or nothing can be stored that refers to them.
            TextError, ConfigError: if the question cannot be asked.
        """
        check_flags(store=self.store, keep=self.keep)
        for text in self.question.texts:
            self.segmenter.check_text(to_model_words(text, self.question.language).text)
        images = self._images()
        outcomes = self._answered(images)
        if outcomes is None:
            with private_folder("pacs") as folder:
                self._retrieve(images, folder)
                try:
                    outcomes = self._segment(images, folder)
                except LexSegError as error:  # its file names mean nothing to anyone
                    message = str(error).replace(f"{folder}/", "").replace(str(folder), "the series")
                    raise type(error)(message) from error
        return [self._fetched(outcome) for outcome in outcomes] if self.keep else outcomes

    def _images(self) -> list[str]:
        """SOPInstanceUIDs of the images of the series, all of which must have arrived."""
        listed, expected = self.pacs.instances(self.study, self.series.uid), self.series.n_images
        if expected is not None and len(listed) < expected:
            raise PacsError(
                f"the PACS lists {len(listed)} of the {expected} images of the series; is it still arriving?"
            )
        images = [instance.uid for instance in listed if not_an_image(instance.sop_class, "") is None]
        if not images:
            raise PacsError("the series holds no images")
        return images

    def _answered(self, images: list[str]) -> list[StoredOutcome] | None:
        """An earlier call's answers to all sentences, about the series as one volume or as films; else ``None``."""
        made_up = not self.question.bare and self.series.modality not in _SECTIONS
        for scans in ([images], [[image] for image in images])[: len(images)]:
            outcomes: list[StoredOutcome] = []
            for number, sources in enumerate(scans):
                uids = self._uids(sources, made_up)
                if not all(self.pacs.has(self.study, uid) for uid in uids):
                    break
                outcomes += [StoredOutcome(number, i, "there already", uid) for i, uid in enumerate(uids)]
            else:
                return outcomes
        return None

    def _retrieve(self, images: Sequence[str], folder: Path) -> None:
        """One image after the other: after a cut only that one is fetched again, and not the series."""
        self.progress("retrieving", 0, len(images))
        for number, image in enumerate(images, start=1):
            content = self.pacs.fetch_file(self.study, self.series.uid, image)
            (folder / f"image-{number:05}.dcm").write_bytes(content)
            self.progress("retrieving", number, len(images))

    def _segment(self, images: Sequence[str], folder: Path) -> list[StoredOutcome]:
        channel = self.question.channel
        scans = open_scans(folder) if channel is None else [open_scan(folder, channel=channel)]
        outcomes = []
        for number, found in enumerate(scans):
            scan = noted(found, self.segmenter.modalities)
            # a volume is known by all images of its series, films each by its own
            own = images if len(scans) == 1 else [str(d.SOPInstanceUID) for d in source_of(scan).datasets]
            made_up = not self.question.bare and not is_placed(scan, source_of(scan))
            outcomes += self._answer(number, scan, self._uids(own, made_up))
        return outcomes

    def _answer(self, image: int, scan: Scan, uids: Sequence[str]) -> list[StoredOutcome]:
        there = [self.pacs.has(self.study, uid) for uid in uids]
        asked = [text for text, known in zip(self.question.texts, there, strict=True) if not known]
        results = iter(self._ask(scan, asked) if asked else [])
        outcomes = []
        for sentence, (uid, known) in enumerate(zip(uids, there, strict=True)):
            outcome = StoredOutcome(image, sentence, "there already", uid, notes=scan.notes)
            outcomes.append(outcome if known else self._keep(outcome, scan, next(results)))
        return outcomes

    def _ask(self, scan: Scan, texts: Sequence[str]) -> list[VolumeSegmentation]:
        frames = self.question.frames
        options = Options(
            frames=None if frames is None else range(frames[0], frames[1] or scan.shape[0]),
            threshold=self.question.threshold,
            laterality=self.question.laterality,
            anyway=self.question.anyway,
            language=self.question.language,
            progress=lambda done, total: self.progress("segmenting", done, total),
        )
        return ask(self.segmenter, scan, texts, options)

    def _keep(self, outcome: StoredOutcome, scan: Scan, result: VolumeSegmentation) -> StoredOutcome:
        outcome = replace(outcome, notes=(*outcome.notes, *result.doubts))
        outcome = replace(outcome, numbers=result.describe(), laterality=result.laterality, outside=result.outside)
        if result.state != "found":
            return replace(outcome, state=result.state)
        what = Written(
            answer=result,
            scan=scan,
            model_name=self.segmenter.name,
            model_version=self.segmenter.sha256 or "",
            include_text=self.question.include_text,
            bare=self.question.bare,
            uid=outcome.uid,
        )
        (content,) = SEG.encode(what).values()
        dataset = pydicom.dcmread(io.BytesIO(content))
        if not self.store:
            return replace(outcome, state="not stored", dataset=dataset)
        self.progress("storing", 0, 1)
        new = self.pacs.store(dataset)  # another process may have been faster
        self.progress("storing", 1, 1)
        return replace(outcome, state="stored" if new else "there already", dataset=dataset)

    def _fetched(self, outcome: StoredOutcome) -> StoredOutcome:
        if outcome.state != "there already" or outcome.dataset is not None:
            return outcome
        return replace(outcome, dataset=self.pacs.fetch(self.study, outcome.series, outcome.uid))

    def _uids(self, sources: Sequence[str], made_up: bool) -> list[str]:
        asked = self.segmenter, self.question
        return [answer_uid(sources, *asked, text, made_up=made_up) for text in self.question.texts]


def _lines(listed: Sequence[SeriesEntry]) -> str:
    return "\n".join(f"  {each}" for each in listed)
