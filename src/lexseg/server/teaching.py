"""A target taught at the server: ``/v1/teachings``. Scribble on a few images, teach, ask the next.

What is kept of an image are features of some of its pixels, in memory, as long as the teaching: none of its pixels, and
nothing of it is written or logged.
"""

import asyncio
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from lexseg.errors import ConfigError, LexSegError
from lexseg.fewshot.labels import BESIDE, TARGET, Labels, unknown
from lexseg.outputs.wording import for_clients
from lexseg.predict.ask import ask, look
from lexseg.predict.options import Options as Asked
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window
from lexseg.server.corrections import StrokeValues
from lexseg.server.exports import can_seg
from lexseg.server.images import OpenImage
from lexseg.server.refusal import Refusal
from lexseg.server.results import AskedSentence, Result, of_frame
from lexseg.server.routes import Served, with_frame
from lexseg.server.schemas import ErrorAnswer, Index, ResultsAnswer, WindowValues
from lexseg.server.service import Service
from lexseg.server.teachings import MOST_IMAGES, TAUGHT, Teaching

router = APIRouter(prefix="/v1", responses={"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}})


class ExampleRequest(BaseModel):
    """Scribbles on an open image: some on the target, some beside it."""

    model_config = ConfigDict(extra="forbid")
    image: str = Field(description="id of an open image")
    frame: Index = Field(0, description="counted from 0")
    window: WindowValues | None = Field(None, description="what the model sees; default: the image's own window")
    strokes: Annotated[list[StrokeValues], Field(min_length=2, max_length=500)] = Field(
        description="wanted: on the target; else beside it. Where both lie, the later one counts"
    )


class FrameRequest(BaseModel):
    """Which frame of an open image is asked about."""

    model_config = ConfigDict(extra="forbid")
    image: str = Field(description="id of an open image")
    frame: Index = Field(0, description="counted from 0")
    window: WindowValues | None = Field(None, description="what the model sees; default: the image's own window")


class TeachingAnswer(BaseModel):
    """What was taught so far."""

    id: str
    images: int = Field(description="that it was taught from")
    left_out: float | None = Field(
        description="mean Dice of these images, each left out in turn, against what its scribbles grew to; null of one"
    )


@router.post("/teachings", status_code=201, response_model=TeachingAnswer, tags=["teachings"])
async def begin(service: Served, response: Response) -> dict[str, Any]:
    """Begin to teach a target that no model knows."""
    made = service.teachings.new()
    response.headers["location"] = f"/v1/teachings/{made.id}"
    return made.told()


@router.get("/teachings/{id}", response_model=TeachingAnswer, tags=["teachings"])
async def teaching(id: str, service: Served) -> dict[str, Any]:
    """What was taught so far."""
    return service.teachings.get(id).told()


@router.delete("/teachings/{id}", status_code=204, tags=["teachings"])
async def forget(id: str, service: Served) -> Response:
    """Forget what was taught, at once."""
    service.teachings.close(id)
    return Response(status_code=204)


@router.post("/teachings/{id}/examples", response_model=TeachingAnswer, tags=["teachings"])
async def example(id: str, given: ExampleRequest, service: Served) -> dict[str, Any]:
    """Teach by scribbles on an image; the image may be closed afterwards."""
    taught = service.teachings.get(id)
    image = with_frame(service, given.image, given.frame)
    labels = drawn(given.strokes, image.scan.shape[1:])
    async with taught.busy:
        if len(taught.seen) >= MOST_IMAGES:
            raise Refusal(413, "too_many_examples", f"a target is taught from {MOST_IMAGES} images at most")
        try:
            await asyncio.to_thread(_teach, service, taught, image, given.frame, _window(image, given.window), labels)
        except LexSegError as error:
            raise Refusal(422, "unusable", for_clients(str(error))) from None
    return taught.told()


@router.post("/teachings/{id}/segment", response_model=ResultsAnswer, tags=["teachings"])
async def segment(id: str, asked: FrameRequest, service: Served) -> dict[str, Any]:
    """Look for the taught target in an image: one answer, a result like any other."""
    taught = service.teachings.get(id)
    image = with_frame(service, asked.image, asked.frame)
    if taught.teacher is None:
        raise Refusal(409, "nothing_taught", "nothing was taught yet; scribble on an image first")
    async with taught.busy:
        result = await asyncio.to_thread(_ask, taught, image, asked.frame, _window(image, asked.window))
    service.images.keep(image, result)
    return {"results": [await asyncio.to_thread(result.json, asked.frame, seg=can_seg(image))]}


def drawn(strokes: list[StrokeValues], shape: tuple[int, ...]) -> Labels:
    """Strokes as labels of a frame, uint8[H, W] of 255, 0 and 127.

    Raises:
        Refusal: if nothing is marked of the target, or nothing beside it.
    """
    labels = unknown((shape[0], shape[1]))
    for stroke in strokes:
        line = np.zeros(labels.shape, np.bool_)
        points = np.asarray(stroke.points, np.float64).reshape(-1, 2)
        for first, last in zip(points, [*points[1:], points[-1]], strict=True):
            steps = min(100_000, max(2, int(np.ceil(np.abs(last - first).max())) + 1))
            at = np.floor(np.linspace(first, last, steps)).astype(int)
            at = at[(at >= 0).all(1) & (at < labels.shape).all(1)]
            line[at[:, 0], at[:, 1]] = True
        if line.any():
            labels[ndimage.distance_transform_edt(~line) <= stroke.radius] = TARGET if stroke.wanted else BESIDE
    for value, what in ((TARGET, "on the target"), (BESIDE, "beside it")):
        if not (labels == value).any():
            raise Refusal(422, "one_sided", f"there is no stroke {what}: mark some of both, within the picture")
    return labels


def _window(image: OpenImage, given: WindowValues | None) -> Window | None:
    return None if given is None else image.window(given.width, given.level)


def _teach(
    service: Service, taught: Teaching, image: OpenImage, frame: int, window: Window | None, labels: Labels
) -> None:
    if find_spec("torch") is None:
        raise ConfigError("teaching needs torch, which is not installed: pip install lexseg")
    from lexseg.fewshot.fit import Teacher, TeachingOptions
    from lexseg.fewshot.support import Example
    from lexseg.models.config import find_model
    from lexseg.models.io import load_model

    if taught.teacher is None:
        taught.teacher = Teacher(load_model(find_model(service.segmenter.name)), TeachingOptions())
    seen = taught.teacher.look(Example.of(image.scan.show(frame, window), labels, where="the scribbles"))
    choice = taught.teacher.fit([*taught.seen, seen.kept()])
    taught.seen.append(seen.kept())
    taught.left_out = choice.left_out


def _ask(taught: Teaching, image: OpenImage, frame: int, window: Window | None) -> Result:
    from lexseg.predict.segmenter import Segmenter

    assert taught.teacher is not None
    side = taught.teacher.options.size
    segmenter = Segmenter(taught.teacher.model, size=(side, side), name=TAUGHT, device="cpu")
    scan: Scan = image.scan
    (session,) = look(segmenter, [(scan, scan.show(frame, window))])
    (said,) = ask(segmenter, session, [None], Asked())
    return of_frame(AskedSentence(1, ""), said, frame, window=window, keep=False)
