"""What a model can be asked, as a page is told."""

from dataclasses import asdict
from typing import Any

from lexseg._version import __version__
from lexseg.language.lexicon import Lexicon, languages, lexicon
from lexseg.predict.answered import NOTE
from lexseg.predict.segmenter import Segmenter

_EXAMPLES = (
    "opacity in the lower left lung",
    "infection in the right lung",
    "bilateral pulmonary infection",
    "round hypoechoic mass with irregular margins",
    "one polyp in the upper left of the image",
)


def what_it_is(asker: Segmenter) -> dict[str, Any]:
    """The model, the languages it is asked in and examples, as plain JSON values."""
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
        "languages": [
            {"code": code, "name": lexicon(code).name, "sides": list(_side_words(lexicon(code)))}
            for code in languages()
        ],
        "examples": [example for world in worlds for example in world.examples[:2]] or list(_EXAMPLES),
    }


def _side_words(words: Lexicon) -> tuple[str, ...]:
    """The words of a language for left and right, in lower case, but for single letters and those of directions."""
    pairs = (row for row in words.value("sides.pairs") if row.get("kind") not in ("letter", "direction"))
    return tuple(dict.fromkeys(row[side].lower() for row in pairs for side in ("left", "right")))
