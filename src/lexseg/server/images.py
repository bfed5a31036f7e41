"""The images that are open: their pixels on disk, in a folder that only the server's user may enter."""

import asyncio
import secrets
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.outputs.wording import for_clients
from lexseg.scans.dicom.windows import SigmoidWindow, TableWindow, window_from_json
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window
from lexseg.server import trail
from lexseg.server.frames import StoredFrames
from lexseg.server.refusal import Refusal
from lexseg.server.settings import Settings

if TYPE_CHECKING:
    from lexseg.server.results import Result

UPLOAD = "upload"


@dataclass(slots=True, eq=False)
class OpenImage:
    """An image that was uploaded.

    Attributes:
        id: what it is called; not to be guessed.
        folder: with what was uploaded and its pixels.
        scan: the image.
        frames: its source.
        range: the smallest and the largest value.
        opened_with: ``series``, ``channel`` and ``modality`` that it was opened with.
        uploaded: bytes of what was uploaded.
        sha256: of what was uploaded (:class:`lexseg.server.upload.Upload`).
        used: when somebody last asked for it, on the monotonic clock.
        results: by id, the oldest first.
        corrections: results under correction, by the id of the model's own answer.
        busy: how many jobs work on it.
        asked: how often it was asked for.
    """

    id: str
    folder: Path
    scan: Scan
    frames: StoredFrames
    range: tuple[float, float]
    opened_with: dict[str, Any]
    uploaded: int
    sha256: str
    used: float = field(default_factory=time.monotonic)
    results: "OrderedDict[str, Result]" = field(default_factory=OrderedDict)
    corrections: "OrderedDict[str, Any]" = field(default_factory=OrderedDict)
    busy: int = 0
    asked: int = 0

    @classmethod
    def of(cls, id_: str, folder: Path, said: dict[str, Any], **more: Any) -> "OpenImage":
        """From what a reader said (:func:`lexseg.server.reader.read_upload`)."""
        frames, height, width = said["shape"]
        shape = (frames, height, width)
        stored = StoredFrames(folder, shape, color=said["color"], inverted=said["inverted"])
        scan = Scan(
            name="the image",
            format=said["format"],
            modality=said["modality"],
            shape=shape,
            color=said["color"],
            spacing=said["spacing"] and (said["spacing"][0], said["spacing"][1]),
            thickness=said["thickness"],
            patient_left=said["patient_left"],
            windows=tuple(window_from_json(window) for window in said["windows"]),
            notes=tuple(for_clients(note) for note in said["notes"]),
            source=stored,
        )
        return cls(id_, folder, scan, stored, (said["range"][0], said["range"][1]), **more)

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return self.uploaded + self.frames.nbytes

    def window(self, width: float | None, level: float | None) -> Window | None:
        """A window that was asked for; ``None`` for the image's own."""
        if self.scan.color or (width is None and level is None):
            return None
        if width is None or level is None or not 0 < width < float("inf") or not abs(level) < float("inf"):
            raise Refusal(422, "invalid", "a window has a finite width above 0 and a finite level")
        return Window.of(width, level)

    def describe(self, idle: float, jobs: Sequence[str] = ()) -> dict[str, Any]:
        """As plain JSON values.

        Args:
            idle: after how many seconds without a question it is closed.
            jobs: its jobs' ids.
        """
        scan = self.scan
        first = scan.windows[0] if scan.windows and not scan.color else None
        return {
            "id": self.id,
            "sha256": self.sha256,
            "frames": scan.shape[0],
            "height": scan.shape[1],
            "width": scan.shape[2],
            "color": scan.color,
            "format": scan.format,
            "modality": scan.modality,
            "spacing": None if scan.spacing is None else list(scan.spacing),
            "thickness": scan.thickness,
            "patient_left": scan.patient_left,
            "laterality": scan.laterality,
            "inverted": scan.inverted,
            "window": first and _told(first),
            "windows": [] if first is None else [_told(window) for window in scan.windows],
            "range": list(self.range),
            "notes": list(scan.notes),
            "expires_in": max(0, round(self.used + idle - time.monotonic())),
            "jobs": list(jobs),
        }


def _told(window: Window) -> dict[str, Any]:
    kind = "table" if isinstance(window, TableWindow) else "sigmoid" if isinstance(window, SigmoidWindow) else "linear"
    return {"name": window.name, "width": window.width, "level": window.level, "kind": kind}


class Images:
    """All images that are open.

    Args:
        settings: of the server.
        root: a private folder.
    """

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings, self._root = settings, root
        self._images: dict[str, OpenImage] = {}
        self.coming = 0  # uploads that are under way

    def __len__(self) -> int:
        return len(self._images)

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(image.nbytes for image in self._images.values())

    def new_folder(self) -> tuple[str, Path]:
        """An id, and an empty folder for what is uploaded.

        Raises:
            Refusal: if too many images are open, all of them in use.
        """
        limits = self._settings.limits
        while len(self) + self.coming >= limits.images or self.nbytes > limits.stored_bytes:
            spare = [i for i in self._images.values() if not i.busy and self._idle(i) > self._settings.times.spare]
            if not spare:
                raise Refusal(
                    503, "too_many_images", "too many images are open; close one (DELETE) or try again later", retry=60
                )
            self.close(min(spare, key=lambda i: i.used).id)
        id_ = secrets.token_urlsafe(16)
        folder = self._root / id_
        folder.mkdir(mode=0o700)
        return id_, folder

    def add(self, image: OpenImage) -> None:
        """Take in an image that has been read."""
        self._images[image.id] = image
        trail.about(image.sha256)

    def get(self, id_: str) -> OpenImage:
        """An image, which counts as used now.

        Raises:
            Refusal: if there is none of that id.
        """
        image = self._images.get(id_)
        if image is None:
            raise Refusal(
                404, "no_such_image", "there is no such image: it was closed, was idle too long, or the server was "
                "started anew; upload it again",
            )  # fmt: skip
        image.used = time.monotonic()
        image.asked += 1
        trail.about(image.sha256)
        return image

    def all(self) -> list[OpenImage]:
        """The images that are open."""
        return list(self._images.values())

    def find(self, id_: str) -> OpenImage | None:
        """An image, if it is open; which does not count as use."""
        return self._images.get(id_)

    def close(self, id_: str) -> None:
        """Forget an image, and remove its files."""
        image = self._images.pop(id_)
        shutil.rmtree(image.folder, ignore_errors=True)

    def result(self, id_: str) -> "tuple[OpenImage, Result]":
        """A result and its image.

        Raises:
            Refusal: if there is none of that id.
        """
        for image in self._images.values():
            if id_ in image.results:
                image.used = time.monotonic()
                image.asked += 1
                trail.about(image.sha256)
                return image, image.results[id_]
        raise Refusal(
            404, "no_such_result", "there is no such result: its image was closed, or newer ones took its place"
        )

    def keep(self, image: OpenImage, result: "Result") -> None:
        """Keep a result with its image, in place of the oldest one where there are many."""
        result.values["image_sha256"] = image.sha256
        image.results[result.id] = result
        while len(image.results) > self._settings.limits.results:
            image.results.popitem(last=False)

    async def sweep(self, closed: Callable[[OpenImage], None]) -> None:
        """Close, again and again, what nobody has asked for in a long while, and say so to ``closed``."""
        every = min(15.0, self._settings.times.idle / 2)
        while True:
            await asyncio.sleep(every)
            for image in list(self._images.values()):
                if not image.busy and self._idle(image) > self._settings.times.idle:
                    self.close(image.id)
                    closed(image)

    @staticmethod
    def _idle(image: OpenImage) -> float:
        return time.monotonic() - image.used
