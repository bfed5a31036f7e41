"""What the server says of itself."""

from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, Request, Response

from lexseg.outputs.capabilities import what_it_is
from lexseg.server.metrics import CONTENT_TYPE, Metrics
from lexseg.server.routes import Served
from lexseg.server.schemas import ErrorAnswer

router = APIRouter(tags=["about"], responses={"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}})
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {"description": "numbers", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/healthz")
async def health() -> dict[str, str]:
    """Whether the server is alive, also while it loads its model."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": ErrorAnswer, "description": "not yet: the model is being loaded"}})
async def readiness(service: Served) -> dict[str, str]:
    """Whether questions are answered; 503 until the model is loaded."""
    return {"status": "ready"}


@router.get("/capabilities")
async def capabilities(service: Served) -> dict[str, Any]:
    """What can be asked, of what, and how much of it."""
    asker, limits, times = service.segmenter, service.settings.limits, service.settings.times
    return {
        **what_it_is(asker),
        "teaching": asker.engine.method != "few-shot",  # which was taught a target already
        "formats": {
            "in": ["png", "jpeg", "tiff", "bmp", "dicom", "nifti", "nrrd", "metaimage", "zip of dicom"],
            "out": ["png", "nifti", "json", *(["seg"] if find_spec("highdicom") else [])],
        },
        "limits": {
            "upload_bytes": limits.upload_bytes,
            "upload_files": limits.upload_files,
            "pixels": limits.pixels,
            "voxels": limits.voxels,
            "images": limits.images,
            "sentences": limits.sentences,
            "sentence_letters": limits.sentence_letters,
            "report_letters": limits.report_letters,
            "results": limits.results,
            "jobs": limits.jobs,
            "idle_seconds": times.idle,
        },
    }


@router.get("/metrics", response_class=Response, responses=_METRICS)
async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    told: Metrics = request.app.state.metrics
    return Response(told.text(), headers={"content-type": CONTENT_TYPE})
