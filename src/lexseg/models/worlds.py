"""What a model has learnt, in words: read from its folder. Imports no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg.errors import ModelError

FORMAT = 1
CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class World:
    """One kind of image that a model has learnt, and what it finds there.

    Attributes:
        name: chest, breast, ...
        anatomy: what is imaged.
        modalities: as DICOM names them (CR, US, ...); empty if unknown.
        findings: what it was taught to find.
        examples: sentences that it understands; empty where none may be told.
        terms: on which its training data, and so its weights, may be used; empty if nobody said.
    """

    name: str
    anatomy: str
    modalities: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    terms: str = ""


def read_worlds(folder: Path | str) -> tuple[tuple[World, ...], str] | None:
    """What a model's ``config.json`` says of its worlds, and the SHA-256 of their data; ``None`` where it says nothing.

    Raises:
        ModelError: it cannot be read, or is of a later version.
    """
    path = Path(folder) / CONFIG
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8")).get("scope")
        if told is None:
            return None
        if told["format"] != FORMAT:
            raise ModelError(f"{path}: scope of format {told['format']!r}, this version of LexSeg reads {FORMAT}")
        worlds = tuple(_world(each) for each in told["worlds"])
        return worlds, str(told["sha256"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: 'scope' cannot be read: {error}") from error


def _world(values: Mapping[str, Any]) -> World:
    lists = {key: tuple(map(str, values.get(key) or ())) for key in ("modalities", "findings", "examples")}
    return World(str(values["name"]), str(values["anatomy"]), terms=str(values.get("terms") or ""), **lists)
