"""All that a running server holds, put together and taken apart again."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from lexseg.predict.segmenter import Segmenter
from lexseg.private import private_folder
from lexseg.server.batcher import Batcher
from lexseg.server.images import Images
from lexseg.server.intake import Intake
from lexseg.server.jobs import Jobs
from lexseg.server.journal import Journal
from lexseg.server.metrics import Metrics, Now
from lexseg.server.settings import Settings
from lexseg.server.teachings import Teachings


class Service:
    """The parts of a server.

    Args:
        settings: what it was told.
        segmenter: what answers.
        root: a private folder.
        metrics: what Prometheus is told.
    """

    def __init__(self, settings: Settings, segmenter: Segmenter, root: Path, metrics: Metrics) -> None:
        self.settings, self.segmenter, self.root = settings, segmenter, root
        self.images = Images(settings, root)
        self.intake = Intake(settings, root)
        self.teachings = Teachings(settings.times.idle)
        self.batcher = Batcher(segmenter, settings, metrics.batch)
        journal = Journal(settings.state, settings.port)
        self._leaving: set[asyncio.Task[None]] = set()
        self.jobs = Jobs(segmenter, settings, self.images, self.batcher, journal)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, settings: Settings, segmenter: Segmenter, metrics: Metrics) -> "AsyncIterator[Service]":
        """A service at work; when it ends, nothing of it is left."""
        with private_folder("serve") as root:
            service = cls(settings, segmenter, root, metrics)
            metrics.watch(service.now)
            await service.intake.start()
            works = (service.batcher.run(), service.jobs.run(), service.images.sweep(service.batcher.forget))
            tasks = [asyncio.create_task(work) for work in works]
            try:
                yield service
            finally:
                await service.jobs.stop()
                for task in (*tasks, *service._leaving):
                    task.cancel()
                await service.intake.stop()
                service.batcher.stop()

    def now(self) -> Now:
        """How much there is of everything."""
        states = ("queued", "running", "done", "failed", "cancelled")
        return Now(
            images=len(self.images),
            images_bytes=self.images.nbytes,
            features_bytes=self.batcher.features.nbytes,
            waiting=self.batcher.waiting,
            failures=self.intake.failures,
            jobs={state: self.jobs.count(state) for state in states},
        )

    async def close_image(self, id_: str) -> None:
        """Close an image, and forget all that is known of it."""
        image = self.images.get(id_)
        await self.jobs.close(image)
        self.images.close(id_)
        self.batcher.forget(image)

    def close_later(self, id_: str, seconds: float) -> None:
        """Close an image after a while, unless somebody asks for it until then.

        Raises:
            Refusal: if there is none of that id.
        """
        image = self.images.get(id_)
        asked = image.asked

        async def leave() -> None:
            await asyncio.sleep(seconds)
            if self.images.find(id_) is image and image.asked == asked:
                await self.close_image(id_)

        task = asyncio.create_task(leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def discard(self, folder: Path) -> None:
        """Remove what was left of an upload that could not be read."""
        shutil.rmtree(folder, ignore_errors=True)
