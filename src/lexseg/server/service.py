"""All that a running server holds, put together and taken apart again."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from lexseg.inference.segmenter import Segmenter
from lexseg.server.batcher import Batcher
from lexseg.server.images import Images
from lexseg.server.intake import Intake
from lexseg.server.settings import Settings
from lexseg.server.workdir import private_folder


class Service:
    """The parts of a server.

    Args:
        settings: what it was told.
        segmenter: what answers.
        root: a private folder.
    """

    def __init__(self, settings: Settings, segmenter: Segmenter, root: Path) -> None:
        self.settings, self.segmenter, self.root = settings, segmenter, root
        self.images = Images(settings, root)
        self.intake = Intake(settings, root)
        self.batcher = Batcher(segmenter, settings)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, settings: Settings, segmenter: Segmenter | None) -> "AsyncIterator[Service]":
        """A service at work; when it ends, nothing of it is left.

        Raises:
            ModelError: if the model cannot be loaded.
        """
        if segmenter is None:
            segmenter = await asyncio.to_thread(Segmenter.from_pretrained, settings.model, device=settings.device)
        with private_folder() as root:
            service = cls(settings, segmenter, root)
            await service.intake.start()
            tasks = [asyncio.create_task(service.batcher.run()), asyncio.create_task(service.images.sweep())]
            try:
                yield service
            finally:
                for task in tasks:
                    task.cancel()
                await service.intake.stop()
                service.batcher.stop()

    def close_image(self, id_: str) -> None:
        """Close an image, and forget all that is known of it."""
        image = self.images.get(id_)
        self.images.close(id_)
        self.batcher.forget(image)

    def discard(self, folder: Path) -> None:
        """Remove what was left of an upload that could not be read."""
        shutil.rmtree(folder, ignore_errors=True)
