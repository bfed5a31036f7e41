"""What was scored, with what: so that a number can be traced and made again."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lexseg.cases.case import Case
from lexseg.datasets.phantoms.mark import all_phantoms
from lexseg.evaluation.cases import fingerprint
from lexseg.evaluation.sources import PredictionFolder, Predictor

_PACKAGES = ("lexseg", "torch", "transformers", "monai", "numpy", "scipy", "pillow")


def describe_source(source: Predictor | PredictionFolder, cases: Sequence[Case]) -> dict[str, Any]:
    """Name and hash of the model, or of the folder of masks."""
    if isinstance(source, PredictionFolder):
        digest = source.fingerprint(source.match(cases))
        return {"kind": "predictions", "name": source.name, "sha256": digest, "uses_text": None}
    return {"kind": "model", "name": source.name, "sha256": source.sha256, "uses_text": source.uses_text}


def describe_data(cases: Sequence[Case]) -> dict[str, Any]:
    """Hash of the cases, the manifests' names, whether they are phantoms, and how many have a sentence."""
    manifests = {f"{c.source.resolve().parent.name}/{c.source.name}" for c in cases if c.source is not None}
    return {
        "manifests": sorted(manifests),
        "sha256": fingerprint(cases),
        "phantoms": all_phantoms(cases),
        "n_with_text": sum(bool(case.text.strip()) for case in cases),
    }


def now() -> str:
    """The time, in UTC, to the second: ``2026-11-22T05:30:00+00:00``."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that the numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
