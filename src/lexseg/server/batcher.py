"""Questions about single frames from all clients, answered together: the network is fastest with many at a time.

Nothing waits for company. While the network runs, questions gather; what has gathered goes next.
"""

import asyncio
import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from lexseg.errors import LexSegError
from lexseg.language.sides import Laterality
from lexseg.predict.ask import Options, Question, look, segment_together
from lexseg.predict.options import Sentence as Asked
from lexseg.predict.segmenter import ImageSession, Segmenter
from lexseg.predict.words import Heard, Sides, hear
from lexseg.scans.window import Window
from lexseg.server.images import OpenImage
from lexseg.server.refusal import Refusal
from lexseg.server.results import AskedSentence, Result, of_frame
from lexseg.server.settings import Settings

BatchAnswer = list[Result] | Exception
Key = tuple[str, int, Window | None]


@dataclass(slots=True, eq=False)
class Ask:
    """A client's sentences about a frame.

    Attributes:
        image: the image.
        frame: of it, from 0.
        window: that it is looked at with; ``None`` for its own.
        sentences: that are asked.
        threshold: probability from which on a pixel is found; ``None`` takes the model's.
        laterality: whose left the sentences' "left" is; ``None`` takes the image's or the model's.
        anyway: whether they are looked for also where they are not in the model's scope.
        keep: whether the sentence may be written into files.
        language: of the sentences, as ISO 639-1 code; ``None`` is English.
    """

    image: OpenImage
    frame: int
    window: Window | None
    sentences: Sequence[AskedSentence]
    threshold: float | None = None
    laterality: Laterality | None = None
    anyway: bool = False
    keep: bool = False
    language: str | None = None
    answer: "asyncio.Future[list[Result]] | None" = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        """What is encoded: an image, its frame and the window it is shown by."""
        return self.image.id, self.frame, self.window


class FeatureCache:
    """Encoded frames under a limit of memory, the least recently used one leaving first. For one thread."""

    def __init__(self, limit: int) -> None:
        self._limit, self.nbytes = limit, 0
        self._sessions: OrderedDict[Key, ImageSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: Key) -> ImageSession | None:
        """What was put there, if it still is."""
        if key in self._sessions:
            self._sessions.move_to_end(key)
        return self._sessions.get(key)

    def put(self, key: Key, session: ImageSession) -> None:
        """Keep it for as long as there is room."""
        self._sessions[key] = session
        self.nbytes += session.nbytes
        while self.nbytes > self._limit and self._sessions:
            self._drop(next(iter(self._sessions)))

    def forget(self, id_: str) -> None:
        """Drop what is kept of an image."""
        for key in [key for key in self._sessions if key[0] == id_]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self.nbytes -= self._sessions.pop(key).nbytes


class Batcher:
    """Answers questions, several at a time, in a thread of its own.

    Args:
        segmenter: what answers.
        settings: of the server.
        watch: told of each run the number of sentences, of frames newly encoded, and the seconds.

    Attributes:
        features: encoded frames.
        free: set while nobody waits for an answer.
    """

    def __init__(self, segmenter: Segmenter, settings: Settings, watch: Callable[[int, int, float], None]) -> None:
        self.features = FeatureCache(settings.limits.feature_bytes)
        self.free = threading.Event()
        self.free.set()
        self._segmenter, self._settings, self._watch = segmenter, settings, watch
        self._waiting: deque[Ask] = deque()
        self._something = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    @property
    def waiting(self) -> int:
        """Sentences that wait for their turn."""
        return sum(len(ask.sentences) for ask in self._waiting)

    async def ask(self, ask: Ask) -> list[Result]:
        """Answers to the sentences.

        Raises:
            Refusal: if a sentence cannot be used, or too many wait.
        """
        if self.waiting + len(ask.sentences) > self._settings.limits.waiting:
            raise Refusal(503, "busy", "too many questions wait for an answer; ask again in a moment", retry=2)
        ask.answer = asyncio.get_running_loop().create_future()
        self._waiting.append(ask)
        self.free.clear()
        self._something.set()
        try:
            async with asyncio.timeout(self._settings.times.answer):
                return await ask.answer
        except TimeoutError:
            raise Refusal(503, "too_slow", "the answer took too long; ask again in a moment", retry=10) from None
        except LexSegError as error:
            raise Refusal(422, "unusable", str(error)) from None

    async def look(self, ask: Ask) -> ImageSession:
        """The frame that is asked about, encoded: to ask it without waiting for others."""
        encoded, _ = await asyncio.get_running_loop().run_in_executor(self._thread, self._encode, [ask])
        return encoded[ask.key]

    async def run(self) -> None:
        """Answer what waits, batch by batch, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._something.wait()
            asks = self._next()
            if not asks:
                self._something.clear()
                self.free.set()
                continue
            try:
                said: Sequence[BatchAnswer] = await loop.run_in_executor(self._thread, self._answer, asks)
            except Exception as error:
                said = [error] * len(asks)
            for ask, answer in zip(asks, said, strict=True):
                if ask.answer is None or ask.answer.done():
                    continue
                if isinstance(answer, Exception):
                    ask.answer.set_exception(answer)
                else:
                    ask.answer.set_result(answer)

    def stop(self) -> None:
        """End the thread when it is done with what it does."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def forget(self, image: OpenImage) -> None:
        """Drop what is kept of an image that was closed."""
        self._thread.submit(self.features.forget, image.id)

    def _next(self) -> list[Ask]:
        """Who comes next: as many as fill a batch, those who left out."""
        asks: list[Ask] = []
        sentences = 0
        while self._waiting:
            ask = self._waiting[0]
            if ask.answer is None or ask.answer.done():
                self._waiting.popleft()
            elif asks and sentences + len(ask.sentences) > self._settings.limits.batch:
                break
            else:
                asks.append(self._waiting.popleft())
                sentences += len(ask.sentences)
        return asks

    def _answer(self, asks: Sequence[Ask]) -> list[BatchAnswer]:
        began = time.perf_counter()
        encoded, fresh = self._encode(asks)
        said: list[BatchAnswer] = [[] for _ in asks]
        asked: list[tuple[int, AskedSentence, Question]] = []
        for i, (ask, heard) in enumerate(zip(asks, self._hear(asks, encoded), strict=True)):
            if isinstance(heard, LexSegError):
                said[i] = heard
                continue
            own = [Question.about(encoded[ask.key], each) for each in heard]
            asked += [(i, *each) for each in zip(ask.sentences, own, strict=True)]
        answers = segment_together([question for _, _, question in asked])
        for (i, sentence, _), answer in zip(asked, answers, strict=True):
            ask, results = asks[i], said[i]
            assert isinstance(results, list)
            results.append(of_frame(sentence, answer, ask.frame, window=ask.window, keep=ask.keep))
        self._watch(len(asked), fresh, time.perf_counter() - began)
        return said

    def _encode(self, asks: Sequence[Ask]) -> tuple[dict[Key, ImageSession], int]:
        """The frames that are asked about, encoded now where they are not kept; and how many these are."""
        wanted = {ask.key: ask for ask in asks}
        encoded = {key: session for key in wanted if (session := self.features.get(key)) is not None}
        missing = [ask for key, ask in wanted.items() if key not in encoded]
        fresh = look(self._segmenter, ((ask.image.scan, ask.image.scan.show(ask.frame, ask.window)) for ask in missing))
        for ask, session in zip(missing, fresh, strict=True):
            encoded[ask.key] = session
            self.features.put(ask.key, session)
        return encoded, len(missing)

    def _hear(self, asks: Sequence[Ask], encoded: dict[Key, ImageSession]) -> Iterator[list[Heard] | LexSegError]:
        """What is heard of each client's sentences: of all clients' together, unless one of them cannot be used."""
        spoken = [_spoken(ask, encoded[ask.key]) for ask in asks]
        worlds = [[encoded[ask.key].world] * len(own) for ask, own in zip(asks, spoken, strict=True)]
        try:
            heard = iter(hear(self._segmenter, [*itertools.chain(*spoken)], [*itertools.chain(*worlds)]))
            yield from (list(itertools.islice(heard, len(own))) for own in spoken)
        except LexSegError:
            for own, about in zip(spoken, worlds, strict=True):
                try:
                    yield hear(self._segmenter, own, about)
                except LexSegError as error:
                    yield error


def _spoken(ask: Ask, session: ImageSession) -> list[tuple[Asked, Options, Sides]]:
    """A client's sentences, and how they are asked."""
    options = Options(threshold=ask.threshold, laterality=ask.laterality, language=ask.language, anyway=ask.anyway)
    return [(sentence.asked, options, session.sides) for sentence in ask.sentences]
