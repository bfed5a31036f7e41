"""What the server says of itself."""

from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, Request, Response

from lexseg._version import __version__
from lexseg.outputs.description import NOTE
from lexseg.server.metrics import CONTENT_TYPE, Metrics
from lexseg.server.routes import Served

router = APIRouter(tags=["about"])
_EXAMPLES = (
    "opacity in the lower left lung",
    "infection in the right lung",
    "bilateral pulmonary infection",
    "round hypoechoic mass with irregular margins",
    "one polyp in the upper left of the image",
)


@router.get("/healthz")
async def health(service: Served) -> dict[str, str]:
    """Whether the server answers."""
    return {"status": "ok"}


@router.get("/capabilities")
async def capabilities(service: Served) -> dict[str, Any]:
    """What can be asked, of what, and how much of it."""
    asker, limits, times = service.segmenter, service.settings.limits, service.settings.times
    worlds = () if asker.scope is None else asker.scope.worlds
    model = {
        "name": asker.name,
        "method": asker.engine.method,
        "size": list(asker.size),
        "laterality": asker.laterality,
        "modalities": list(asker.modalities),
        "threshold": asker.threshold,
        "presence": asker.presence_threshold is not None,
        "sha256": asker.sha256,
        "device": str(asker.device),
        "worlds": None if asker.scope is None else [asdict(world) for world in worlds],
    }
    return {
        "lexseg": __version__,
        "note": NOTE,
        "models": [model],
        "methods": [asker.engine.method],
        "laterality": asker.laterality,
        "size": list(asker.size),
        "formats": {
            "in": ["png", "jpeg", "tiff", "bmp", "dicom", "nifti", "nrrd", "zip of dicom"],
            "out": ["png", "nifti", "json", *(["seg"] if find_spec("highdicom") else [])],
        },
        "examples": [example for world in worlds for example in world.examples[:2]] or list(_EXAMPLES),
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


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    told: Metrics = request.app.state.metrics
    return Response(told.text(), headers={"content-type": CONTENT_TYPE})
