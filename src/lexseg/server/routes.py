"""The HTTP API under ``/v1``."""

import asyncio
import io
import json
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from PIL import Image

from lexseg.errors import TextError
from lexseg.language.foreign import to_model_words
from lexseg.language.lexicon import lexicon
from lexseg.outputs.formats import JSON, NIFTI, OVERLAY, PNG, SEG, Format
from lexseg.outputs.overlay import draw_overlay, png
from lexseg.predict.answered import unfamiliar
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.whole_report import findings_of
from lexseg.server import trail
from lexseg.server.batcher import Ask
from lexseg.server.description import binary
from lexseg.server.exports import can_seg, export
from lexseg.server.images import UPLOAD, OpenImage
from lexseg.server.jobs import Job
from lexseg.server.names import name_of
from lexseg.server.opening import Opening
from lexseg.server.refusal import Refusal, disk_full
from lexseg.server.results import AskedSentence, Result
from lexseg.server.schemas import ErrorAnswer, ImageAnswer, JobAnswer, ResultAnswer, ResultsAnswer, SegmentRequest
from lexseg.server.service import Service
from lexseg.server.settings import Limits
from lexseg.server.upload import parse_channel, parse_spacing, receive

router = APIRouter(prefix="/v1", responses={"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}})
After = Annotated[float, Query(ge=0, le=600, description="seconds")]
Width = Annotated[float, Query(gt=0, allow_inf_nan=False)]
Level = Annotated[float, Query(allow_inf_nan=False)]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
                        "series": {
                            "type": "string",
                            "maxLength": 250,
                            "description": "which series is meant, where there are several",
                        },
                        "spacing": {"type": "string", "description": "row,col in mm, where the file does not say"},
                        "channel": {"type": "integer", "description": "which volume of a 4D file is meant, from 0"},
                        "modality": {"type": "string", "description": "of a NIfTI or NRRD volume, such as CT or MR"},
                    },
                }
            }
        },
    }
}


def service_of(request: Request) -> Service:
    """The service that the application of this request belongs to."""
    opening: Opening = request.app.state.opening
    return opening.ready()


Served = Annotated[Service, Depends(service_of)]


@router.post("/images", status_code=201, response_model=ImageAnswer, openapi_extra=_FORM, tags=["images"])
async def upload(request: Request, service: Served) -> Response:
    """Upload an image or a volume once, to ask about it as often as you like.

    A PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD or MetaImage (.mha) file, a zip of DICOM files, or the files of a DICOM
    series.
    """
    images, limits = service.images, service.settings.limits
    id_, folder = images.new_folder()
    images.coming += 1
    try:
        came = await receive(request.headers.get("content-type", ""), request.stream(), folder, limits)
        spacing = parse_spacing(came.fields["spacing"]) if came.fields.get("spacing") else None
        channel = came.fields.get("channel")
        opened_with = {
            "folder": str(folder),
            "upload": UPLOAD,
            "series": came.fields.get("series") or None,
            "channel": parse_channel(channel) if channel else None,
            "modality": came.fields.get("modality") or None,
        }
        size = {"pixels": limits.pixels, "voxels": limits.voxels}
        said = await service.intake.do({"do": "read"} | opened_with | size, came.size)
        if spacing is not None:
            if said["spacing"] is None:
                said["spacing"] = spacing
            elif not np.allclose(said["spacing"], spacing, rtol=0.01):
                said["notes"].append("the file states its own spacing: the one that was given is not used")
        if (note := unfamiliar(said["modality"], service.segmenter.modalities)) is not None:
            said["notes"].append(note)
        image = OpenImage.of(
            id_, folder, said, opened_with=opened_with | {"spacing": spacing}, uploaded=came.size, sha256=came.sha256
        )
        images.add(image)
    except BaseException as error:
        service.discard(folder)
        if (full := disk_full(error)) is not None:
            raise full from None
        raise
    finally:
        images.coming -= 1
    answer = _json(image.describe(service.settings.times.idle), 201)
    answer.headers["location"] = f"/v1/images/{id_}"
    return answer


@router.get("/images/{id}", response_model=ImageAnswer, tags=["images"])
async def image(id: str, service: Served) -> Response:
    """What is known of an open image, and which jobs there are of it."""
    found = service.images.get(id)
    return _json(found.describe(service.settings.times.idle, service.jobs.of(found)))


@router.delete("/images/{id}", status_code=204, tags=["images"])
async def close_image(id: str, service: Served, after: After = 0) -> Response:
    """Close an image: its files, encodings, results and jobs are removed at once.

    Or in a while, unless somebody asks for it until then: as by a page that is left, and may be loaded anew.
    """
    if after:
        service.close_later(id, after)
    else:
        await service.close_image(id)
    return Response(status_code=204)


@router.get("/images/{id}/frames/{n}", response_class=Response, responses=binary("image/png"), tags=["images"])
async def frame(id: str, n: int, service: Served, width: Width | None = None, level: Level | None = None) -> Response:
    """A frame as it is shown, as PNG; with another window if one is given."""
    image = with_frame(service, id, n)
    window = image.window(width, level)
    content = await asyncio.to_thread(_shown, image, n, window)
    return _file(content, "image/png", name_of(image, f"{n:04}.png"), shown=True)


@router.get(
    "/images/{id}/frames/{n}/values",
    response_class=Response,
    responses=binary("application/octet-stream"),
    tags=["images"],
)
async def values(id: str, n: int, service: Served) -> Response:
    """The values of a frame: little-endian float32[H, W], or uint8[H, W, 3] where the image is in colour."""
    image = with_frame(service, id, n)
    content = await asyncio.to_thread(image.frames.raw, n)
    return _file(content, "application/octet-stream", name_of(image, f"{n:04}.raw"))


@router.post(
    "/images/{id}/segment",
    response_model=ResultsAnswer,
    responses={202: {"model": JobAnswer, "description": "a range of frames: a job"}},
    tags=["segment"],
)
async def segment(id: str, asked: SegmentRequest, service: Served) -> Response:
    """Ask about a frame, and get an answer to each sentence; or about a range of frames, and get a job."""
    image = service.images.get(id)
    sentences = sentences_of(asked, service.segmenter, service.settings.limits)
    trail.asked([sentence.text for sentence in sentences])
    window = None if asked.window is None else image.window(asked.window.width, asked.window.level)
    how = (asked.threshold, asked.laterality, asked.anyway, asked.description, asked.language)
    if asked.frames is not None:
        first, last = asked.frames
        with_frame(service, id, last)
        job = await service.jobs.add(Job(id, range(first, last + 1), sentences, window, *how, key=asked.key))
        answer = _json(job, 202)
        answer.headers["location"] = f"/v1/jobs/{job['id']}"
        return answer
    number = asked.frame or 0
    with_frame(service, id, number)
    results = await service.batcher.ask(Ask(image, number, window, sentences, *how))
    for result in results:
        service.images.keep(image, result)
    return await asyncio.to_thread(_told, image, results)


@router.get(f"/results/{{id}}/{PNG.served}", response_class=Response, responses=binary(PNG.media), tags=["results"])
async def mask(id: str, service: Served, frame: int | None = None) -> Response:
    """The mask of a frame as PNG: 0 and 255."""
    image, result = service.images.result(id)
    number = _frame_of(image, result, frame)
    content = await asyncio.to_thread(_mask, result, number)
    return _file(content, "image/png", name_of(image, "mask.png", result, number), shown=True)


@router.get(
    f"/results/{{id}}/{OVERLAY.served}", response_class=Response, responses=binary(OVERLAY.media), tags=["results"]
)
async def overlay(id: str, service: Served, frame: int | None = None) -> Response:
    """The frame with its mask drawn over it, as PNG."""
    image, result = service.images.result(id)
    number = _frame_of(image, result, frame)
    content = await asyncio.to_thread(_overlay, image, result, number)
    return _file(content, "image/png", name_of(image, "overlay.png", result, number), shown=True)


@router.get(f"/results/{{id}}/{JSON.served}", response_model=ResultAnswer, tags=["results"])
async def result_json(id: str, service: Served, frame: int | None = None) -> Response:
    """The answer once more; of a volume, with the outlines of the frame that is asked for."""
    image, result = service.images.result(id)
    number = None if result.volume and frame is None else _frame_of(image, result, frame)
    answer = _json(await asyncio.to_thread(result.json, number, seg=can_seg(image)))
    answer.headers["content-disposition"] = f'attachment; filename="{name_of(image, "result.json", result, number)}"'
    return answer


@router.get(f"/results/{{id}}/{NIFTI.served}", response_class=Response, responses=binary(NIFTI.media), tags=["results"])
async def nifti(id: str, service: Served) -> Response:
    """The mask as NIfTI, on the axes and in the place of the file that was uploaded; other frames are empty."""
    image, result = service.images.result(id)
    return await _exported(service, image, result, NIFTI)


@router.get(f"/results/{{id}}/{SEG.served}", response_class=Response, responses=binary(SEG.media), tags=["results"])
async def seg(id: str, service: Served) -> Response:
    """The mask as DICOM SEG, of an image that came as DICOM."""
    image, result = service.images.result(id)
    if not can_seg(image):
        raise Refusal(409, "no_dicom", "a DICOM SEG can be made of images that came as DICOM, and with highdicom")
    if result.values["state"] == "not in scope":
        why = result.values["explanation"]
        raise Refusal(409, "not_in_scope", f"there is no mask to write, as the question is not in scope: {why}")
    return await _exported(service, image, result, SEG)


@router.get("/jobs/{id}", response_model=JobAnswer, tags=["jobs"])
async def job(id: str, service: Served) -> Response:
    """How far a job is, and its results once it is done."""
    return _json(service.jobs.describe(id))


@router.delete("/jobs/{id}", response_model=JobAnswer, tags=["jobs"])
async def cancel_job(id: str, service: Served) -> Response:
    """Cancel a job; one at work ends after the frames it is at."""
    return _json(await service.jobs.cancel(id))


def sentences_of(asked: SegmentRequest, segmenter: Segmenter, limits: Limits) -> list[AskedSentence]:
    """The sentences of a request, or the findings of its report.

    Raises:
        Refusal: if there are none, too many, or one is too long.
    """
    try:
        lexicon(asked.language or "en")
    except TextError as error:
        raise Refusal(422, "unknown_language", str(error)) from None
    if asked.report is not None:
        if len(asked.report) > limits.report_letters:
            raise Refusal(413, "too_long", f"the report has more than {limits.report_letters} letters")
        try:
            found = findings_of(segmenter, asked.report, asked.language)
        except TextError as error:
            raise Refusal(422, "unusable", str(error)) from None
        sentences = [
            AskedSentence(i, f.text, {"start": f.start, "end": f.end, "negated": f.negated})
            for i, f in enumerate(found, 1)
        ]
    else:
        sentences = [AskedSentence(i, text) for i, text in enumerate(asked.sentences or [], 1)]
    if not sentences:
        raise Refusal(422, "no_sentence", "there is no sentence; write what to find")
    if len(sentences) > limits.sentences:
        raise Refusal(413, "too_many_sentences", f"at most {limits.sentences} sentences are answered at a time")
    for sentence in sentences:
        if len(sentence.text) > limits.sentence_letters:
            raise Refusal(
                413, "too_long", f"sentence {sentence.number} has more than {limits.sentence_letters} letters"
            )
        try:
            segmenter.check_text(to_model_words(sentence.text, asked.language).text)
        except TextError:
            words = "blank" if not sentence.text.strip() else "longer than the text encoder reads, or holds no words"
            raise Refusal(422, "unusable", f"sentence {sentence.number} is {words}") from None
    return sentences


def _told(image: OpenImage, results: list[Result]) -> Response:
    return _json({"results": [result.json(result.frames.start, seg=can_seg(image)) for result in results]})


def with_frame(service: Service, id_: str, number: int) -> OpenImage:
    """An open image that has such a frame.

    Raises:
        Refusal: if there is none of that id, or it has no such frame.
    """
    image = service.images.get(id_)
    if not 0 <= number < image.scan.shape[0]:
        raise Refusal(404, "no_such_frame", f"there is no frame {number}; there are {image.scan.shape[0]}, from 0")
    return image


def _frame_of(image: OpenImage, result: Result, frame: int | None) -> int:
    number = result.shown if frame is None else frame
    if number not in result.frames:
        first, last = result.frames.start, result.frames.stop - 1
        raise Refusal(404, "no_such_frame", f"frame {number} was not asked; frames {first} to {last} were")
    return number


def _shown(image: OpenImage, number: int, window: Any) -> bytes:
    pixels = (image.scan.show(number, window) * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)  # it goes a short way
    return buffer.getvalue()


def _mask(result: Result, number: int) -> bytes:
    return png(Image.fromarray(result.mask(number).astype(np.uint8) * 255))


def _overlay(image: OpenImage, result: Result, number: int) -> bytes:
    picture = image.scan.show(number, result.window)
    return png(draw_overlay(picture, result.mask(number), caption=result.cautions))


async def _exported(service: Service, image: OpenImage, result: Result, format: Format) -> Response:
    content = await export(service.intake, image, result, format, service.segmenter)
    return _file(content, format.media, name_of(image, format.served, result))


def _file(content: bytes, kind: str, name: str, *, shown: bool = False) -> Response:
    """A file, to be saved under a name; some are shown where a browser asks for them."""
    headers = {"content-disposition": f'{"inline" if shown else "attachment"}; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


def _json(values: Any, status: int = 200) -> Response:
    content = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return Response(content, status_code=status, media_type="application/json")
