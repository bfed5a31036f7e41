"""Jobs: questions about ranges of frames, one after the other in the background."""

import asyncio
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from lexseg.errors import LexSegError
from lexseg.language.sides import Laterality
from lexseg.outputs.wording import for_clients
from lexseg.predict.ask import Options, ask
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.window import Window
from lexseg.server import trail
from lexseg.server.batcher import Batcher
from lexseg.server.exports import can_seg
from lexseg.server.images import Images, OpenImage
from lexseg.server.journal import OPEN, Journal
from lexseg.server.log import trace_of
from lexseg.server.refusal import Refusal
from lexseg.server.results import AskedSentence, Result, of_volume
from lexseg.server.settings import Settings

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
_log = logging.getLogger("lexseg.server")
_BATCH = 8  # frames that are encoded together
_KEPT = 200  # jobs that are remembered
_POLITE = 1.0  # seconds that a batch of frames waits at most while somebody wants an answer about one frame


class Cancelled(Exception):
    """The job is no longer wanted."""


@dataclass(slots=True, eq=False)
class Job:
    """Sentences about a range of frames.

    Attributes:
        image_id: of the image that is asked about. The image itself is not held: its pixels take room for as long as
            anybody holds it, also once it is closed, and jobs are remembered for longer.
        frames: the range.
        sentences: that are asked.
        window, threshold, laterality, anyway, keep, language: as in :class:`lexseg.server.batcher.Ask`.
        key: under which it may be asked once more without being begun once more.
        id: what it is called; not to be guessed.
        asked: how many sentences.
        state: how far it is.
        done: frames that are answered.
        started: when it began, on the monotonic clock.
        results: the answers' ids.
        error: why it failed or was interrupted.
        unwanted: set to end it.
    """

    image_id: str
    frames: range
    sentences: Sequence[AskedSentence]
    window: Window | None = None
    threshold: float | None = None
    laterality: Laterality | None = None
    anyway: bool = False
    keep: bool = False
    language: str | None = None
    key: str | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = "queued"
    done: int = 0
    started: float = 0.0
    results: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    unwanted: threading.Event = field(default_factory=threading.Event, repr=False)
    asked: int = field(init=False)

    def __post_init__(self) -> None:
        self.asked = len(self.sentences)  # they go when it ends

    def describe(self, image: OpenImage | None) -> dict[str, Any]:
        """As plain JSON values.

        Args:
            image: that is asked about; ``None`` if it is closed, and its answers with it.
        """
        left = None
        if self.state == "running" and self.done:
            left = round((time.monotonic() - self.started) / self.done * (len(self.frames) - self.done), 1)
        kept = [] if image is None else [image.results[id_] for id_ in self.results if id_ in image.results]
        return {
            "id": self.id,
            "state": self.state,
            "image": self.image_id,
            "frames": [self.frames.start, self.frames.stop - 1],
            "sentences": self.asked,
            "done": self.done,
            "total": len(self.frames),
            "seconds_left": left,
            "results": [result.json(None, seg=image is not None and can_seg(image)) for result in kept],
            "error": self.error,
        }


class Jobs:
    """All jobs of a server.

    Args:
        segmenter: what answers.
        settings: of the server.
        images: where answers are kept.
        batcher: that goes before.
        journal: what became of jobs.
    """

    def __init__(
        self, segmenter: Segmenter, settings: Settings, images: Images, batcher: Batcher, journal: Journal
    ) -> None:
        self._segmenter, self._settings, self._images = segmenter, settings, images
        self._batcher, self._journal = batcher, journal
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="job")

    async def add(self, job: Job) -> dict[str, Any]:
        """Take a job, if it was not taken already under its key; gives how it is described.

        Raises:
            Refusal: if too many wait, or its image is closed.
        """
        for each in self._jobs.values():
            if job.key is not None and (each.key, each.image_id) == (job.key, job.image_id):
                return self._described(each)
        if sum(each.state in OPEN for each in self._jobs.values()) >= self._settings.limits.jobs:
            raise Refusal(503, "busy", "too many jobs wait; ask again when one of them is done", retry=10)
        image = self._images.get(job.image_id)
        self._jobs[job.id] = job
        image.busy += 1
        self._forget_old()
        await asyncio.to_thread(self._journal.write, job.id, job.state)
        self._queue.put_nowait(job)
        return job.describe(image)

    def of(self, image: OpenImage) -> list[str]:
        """The ids of an image's jobs, the oldest first."""
        return [job.id for job in self._jobs.values() if job.image_id == image.id]

    def count(self, state: str) -> int:
        """How many are in a state."""
        return sum(job.state == state for job in self._jobs.values())

    def describe(self, id_: str) -> dict[str, Any]:
        """A job, or what became of one that a server before this one took.

        Raises:
            Refusal: if there is no job of that id, or it ended and its answers are gone.
        """
        if id_ in self._jobs:
            return self._described(self._jobs[id_])
        state = self._journal.before.get(id_)
        if state == "interrupted":
            message = "the server stopped while it was at work; nothing of it was kept: upload the image and ask again"
            error = {"code": "interrupted", "message": message}
            none: dict[str, Any] = {"image": None, "frames": None, "sentences": 0, "done": 0, "total": 0}
            none |= {"seconds_left": None, "results": []}
            return {"id": id_, "state": state} | none | {"error": error}
        if state is not None:
            raise Refusal(410, "gone", f"the job was {state}; its answers went when the server was started anew")
        raise Refusal(404, "no_such_job", "there is no such job")

    async def cancel(self, id_: str) -> dict[str, Any]:
        """End a job; one that is at work ends after the frames it is at."""
        if id_ not in self._jobs:
            return self.describe(id_)
        job = self._jobs[id_]
        job.unwanted.set()
        if job.state == "queued":
            await self._end(job, "cancelled")
        return self._described(job)

    async def close(self, image: OpenImage) -> None:
        """End the jobs of an image that is closed, and forget those that have ended."""
        for job in [job for job in self._jobs.values() if job.image_id == image.id]:
            if job.state in OPEN:
                await self.cancel(job.id)
            else:
                del self._jobs[job.id]

    async def run(self) -> None:
        """Work off what is asked about volumes, one job after the other, until cancelled."""
        while True:
            job = await self._queue.get()
            if job.state == "queued":
                await self._work(job)

    async def stop(self) -> None:
        """End what is at work, and note that it was interrupted."""
        for job in self._jobs.values():
            if job.state in OPEN:
                job.unwanted.set()
                job.error = {"code": "interrupted", "message": "the server is being stopped"}
                await self._end(job, "interrupted")
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._journal.close()

    async def _work(self, job: Job) -> None:
        image = self._images.find(job.image_id)
        if image is None:
            await self._end(job, "cancelled")
            return
        job.state, job.started = "running", time.monotonic()
        await asyncio.to_thread(self._journal.write, job.id, job.state)
        state: State = "done"
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, job, image)
            for result in results:
                self._images.keep(image, result)
            job.results = [result.id for result in results]
        except Cancelled:
            state = "cancelled"
        except LexSegError as error:
            state, job.error = "failed", {"code": "unusable", "message": for_clients(str(error))}
        except Exception as error:
            _log.error("a job failed: %s", trace_of(error))
            state, job.error = "failed", {"code": "fault", "message": "a fault of the server; its log says more"}
        if job.state == "running":
            await self._end(job, state)

    async def _end(self, job: Job, state: State) -> None:
        job.state = state
        if (image := self._images.find(job.image_id)) is not None:
            image.busy -= 1
            image.used = time.monotonic()
        job.sentences = ()  # they are patient data
        await asyncio.to_thread(self._journal.write, job.id, state)

    def _answer(self, job: Job, image: OpenImage) -> list[Result]:
        def progress(done: int, total: int) -> None:
            job.done = done
            image.used = time.monotonic()
            if job.unwanted.is_set():
                raise Cancelled
            self._batcher.free.wait(_POLITE)

        options = Options(
            frames=job.frames,
            window=job.window,
            batch=_BATCH,
            threshold=job.threshold,
            laterality=job.laterality,
            anyway=job.anyway,
            language=job.language,
            progress=progress,
        )
        sentences = job.sentences
        answers = ask(self._segmenter, image.scan, [sentence.asked for sentence in sentences], options)
        return [
            of_volume(sentence, answer, window=job.window, keep=job.keep)
            for sentence, answer in zip(sentences, answers, strict=True)
        ]

    def _described(self, job: Job) -> dict[str, Any]:
        image = self._images.find(job.image_id)
        if image is not None:
            image.used = time.monotonic()
            image.asked += 1
            trail.about(image.sha256)
        return job.describe(image)

    def _forget_old(self) -> None:
        ended = [job.id for job in self._jobs.values() if job.state not in OPEN]
        for id_ in ended[: max(0, len(self._jobs) - _KEPT)]:
            del self._jobs[id_]
