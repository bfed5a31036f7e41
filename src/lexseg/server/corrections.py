"""Corrections of answers, by words and by hand: ``/v1/results/{id}/corrections``.

They live with the open image, in memory, and hold the sentence: nothing of them is written or logged.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from lexseg.errors import LexSegError, TextError
from lexseg.interaction import CorrectionSession
from lexseg.interaction.archive import case_archive
from lexseg.interaction.operations import Control, Point, Stroke
from lexseg.interaction.record import record_of
from lexseg.interaction.session import Reply
from lexseg.outputs.overlay import png
from lexseg.outputs.polygons import mask_polygons
from lexseg.predict.ask import ask as ask_image
from lexseg.predict.options import Options
from lexseg.predict.segmentation import Segmentation
from lexseg.server.batcher import Ask
from lexseg.server.description import binary
from lexseg.server.exports import can_seg
from lexseg.server.images import OpenImage
from lexseg.server.refusal import Refusal
from lexseg.server.results import MOST_CORNERS, AskedSentence, Result, of_frame
from lexseg.server.routes import Served
from lexseg.server.schemas import ErrorAnswer, Flag, ResultAnswer
from lexseg.server.service import Service
from lexseg.server.teachings import TAUGHT

router = APIRouter(prefix="/v1", responses={"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}})
_KEPT_BYTES = 2**24  # of earlier masks, each session
_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]


class StrokeValues(BaseModel):
    """A stroke of the brush, or of the eraser."""

    model_config = ConfigDict(extra="forbid")
    points: Annotated[list[tuple[_Finite, _Finite]], Field(min_length=1, max_length=5000)] = Field(
        description="(row, column) along the stroke, in pixels"
    )
    radius: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
    wanted: Flag = Field(True, description="brush, or eraser")


class PointValues(BaseModel):
    """A click: what lies there is wanted, or is not."""

    model_config = ConfigDict(extra="forbid")
    row: Annotated[int, Field(ge=0, le=1_000_000)]
    column: Annotated[int, Field(ge=0, le=1_000_000)]
    wanted: Flag = True


class CorrectionRequest(BaseModel):
    """One correction: said, drawn, or a step back or forth."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"sentence": "opacity", "say": "a bit more generous"}]}
    )
    sentence: str | None = Field(None, description="what the result answers; needed until its first correction")
    language: str | None = Field(None, description="of that sentence, as ISO 639-1 code; default: English")
    say: str | None = Field(None, description="a correction in words, in English")
    stroke: StrokeValues | None = None
    point: PointValues | None = None
    step: Literal["undo", "redo", "reset", "accept"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.say, self.stroke, self.point, self.step)) != 1:
            raise ValueError("give one of say, stroke, point and step")
        return self


class CorrectionAnswer(BaseModel):
    """What became of a correction."""

    done: bool = Field(description="whether anything was changed")
    echo: str = Field(description="what was done, or why nothing was")
    unknown: list[str] = Field(description="words that nobody knew")
    history: list[str] = Field(description="what was done and holds, in words")
    undone: int = Field(description="how many corrections can be done again")
    accepted: bool
    before: list[list[tuple[int, int]]] = Field(description="the outline before the last correction: closed rings")
    result: ResultAnswer = Field(description="the answer with the mask as it is now, a result like any other")


@dataclass(slots=True, eq=False)
class UnderCorrection:
    """A result under correction. Attributes: session; sentence; frame; window, result: as it stands; busy: a lock."""

    session: CorrectionSession
    sentence: AskedSentence
    first: Result
    result: Result
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


@router.post("/results/{id}/corrections", response_model=CorrectionAnswer, tags=["corrections"])
async def correct(id: str, asked: CorrectionRequest, service: Served) -> dict[str, Any]:
    """Correct a result of one frame, by words or by hand; the id stays that of the model's own answer.

    What is not understood changes nothing: ``done`` is false, and ``echo`` says why.
    """
    image, corrected = await _corrected(id, asked, service)
    async with corrected.busy:
        try:
            reply = await asyncio.to_thread(_do, corrected.session, asked)
        except LexSegError as error:
            raise Refusal(422, "unusable", str(error)) from None
        return await asyncio.to_thread(_told, service, image, corrected, reply)


@router.get("/results/{id}/corrections", tags=["corrections"])
async def record(id: str, service: Served) -> dict[str, Any]:
    """All that was said and done to a result, to be kept and played again. It holds the sentences."""
    for image in service.images.all():
        if id in image.corrections:
            return record_of(image.corrections[id].session)
    raise Refusal(404, "no_such_result", "there are no corrections of such a result")


@router.get(
    "/results/{id}/corrections/case", tags=["corrections"], response_class=Response, responses=binary("application/zip")
)
async def case(id: str, service: Served) -> Response:
    """An accepted mask as a case for training: a zip of a manifest, the picture as it was shown, and the mask.

    It holds the sentence.
    """
    for image in service.images.all():
        if id in image.corrections:
            corrected: UnderCorrection = image.corrections[id]
            async with corrected.busy:
                if not corrected.session.accepted:
                    raise Refusal(409, "not_accepted", "the mask was not accepted; say 'accept' when it is right")
                content = await asyncio.to_thread(_case, image, corrected)
            headers = {"content-disposition": 'attachment; filename="case.zip"'}
            return Response(content, media_type="application/zip", headers=headers)
    raise Refusal(404, "no_such_result", "there are no corrections of such a result")


def _case(image: OpenImage, corrected: UnderCorrection) -> bytes:
    first = corrected.first
    shown = (image.scan.show(first.frames.start, first.window) * 255).round().astype(np.uint8)
    name = f"{image.sha256[:12]}_{first.frames.start}_{first.values['number']}"
    return case_archive(corrected.session, png(Image.fromarray(shown)), name)


async def _corrected(id: str, asked: CorrectionRequest, service: Service) -> "tuple[OpenImage, UnderCorrection]":
    for image in service.images.all():
        if id in image.corrections:
            image.corrections.move_to_end(id)
            return service.images.get(image.id), image.corrections[id]
    image, result = service.images.result(id)
    if result.volume:
        raise Refusal(409, "a_volume", "a range of frames cannot be corrected at once; ask about one frame")
    if result.values["model"] == TAUGHT:
        raise Refusal(409, "taught", "the answer is that of a taught target; scribble on this image too, and teach it")
    if asked.sentence is None:
        raise Refusal(422, "no_sentence", "the sentence that the result answers is needed for its first correction")
    session = await _begin(asked.sentence, asked.language, image, result, service)
    made = UnderCorrection(session, AskedSentence(int(result.values["number"]), asked.sentence), result, result)
    kept: OrderedDict[str, UnderCorrection] = image.corrections
    found = kept.setdefault(id, made)  # another request may have been faster
    while len(kept) > service.settings.limits.corrected:
        kept.popitem(last=False)
    return image, found


async def _begin(
    sentence: str, language: str | None, image: OpenImage, result: Result, service: Service
) -> CorrectionSession:
    """A session that begins with the very mask of the result."""
    values, frame = result.values, result.frames.start
    about = Ask(image, frame, result.window, [AskedSentence(1, sentence)])
    options = Options(
        threshold=values["threshold"], laterality=values["laterality"], anyway=values["anyway"], language=language
    )
    try:
        if len(sentence) > service.settings.limits.sentence_letters:
            raise TextError("the sentence is too long")
        looked = await service.batcher.look(about)

        def look(text: str | None) -> Segmentation:
            return ask_image(service.segmenter, looked, [text], options)[0]

        said = await asyncio.to_thread(look, sentence)
    except LexSegError as error:
        raise Refusal(422, "unusable", str(error)) from None
    if not np.array_equal(said.mask, result.mask(frame)):
        raise Refusal(409, "another_sentence", "the sentence is not the one that the result answers")
    return CorrectionSession.of(said, look, looked.sides, kept_bytes=_KEPT_BYTES)


def _do(session: CorrectionSession, asked: CorrectionRequest) -> Reply:
    if asked.say is not None:
        return session.correct(asked.say)
    if asked.step is not None:
        return session.control(Control(asked.step))
    if asked.stroke is not None:
        return session.do([Stroke(tuple(asked.stroke.points), asked.stroke.radius, asked.stroke.wanted)])
    assert asked.point is not None
    return session.do([Point(asked.point.row, asked.point.column, asked.point.wanted)])


def _told(service: Service, image: OpenImage, corrected: UnderCorrection, reply: Reply) -> dict[str, Any]:
    session, first = corrected.session, corrected.first
    if reply.done:
        frame, keep = first.frames.start, first.words is not None
        new = of_frame(corrected.sentence, session.segmentation, frame, window=first.window, keep=keep)
        if corrected.result is not first:
            image.results.pop(corrected.result.id, None)
        corrected.result = new
        service.images.keep(image, new)
    return {
        "done": reply.done,
        "echo": reply.echo,
        "unknown": list(reply.unknown),
        "history": session.history,
        "undone": len(session.entries) - session.at,
        "accepted": session.accepted,
        "before": mask_polygons(session.before, MOST_CORNERS) or [] if session.at else [],
        "result": corrected.result.json(first.frames.start, seg=can_seg(image)),
    }
