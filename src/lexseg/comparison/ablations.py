"""Ablations as plans: the same method with one part after the other put in, left out, or done differently."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lexseg.errors import ConfigError

Change = tuple[str, str, Mapping[str, Any]]
"""Name, label and settings of a variant."""

_AS_PUBLISHED = {"model.swapped_weight": 0.0}
_BASE = _AS_PUBLISHED | {"model.alignment_levels": [], "model.enhancement": False, "optimizer.loss_warmup": {}}
_ONE_LEVEL = _AS_PUBLISHED | {
    "model.enhancement": False,
    "model.alignment_levels": [32],
    "optimizer.loss_warmup": {"contrastive": 2},
}

TMCA: tuple[Change, ...] = (
    ("a0", "A0: image only", _BASE | {"model.guide": False, "model.presence_weight": 0.0}),
    ("a1", "A1: the guide decoder reads the words", _BASE),
    (
        "a2",
        "A2: A1 + global contrast, deepest level, one-hot",
        _ONE_LEVEL | {"model.distance": "global", "model.targets": "one-hot"},
    ),
    ("a3", "A3: A2, equal captions are positives", _ONE_LEVEL | {"model.distance": "global"}),
    ("a4", "A4: A3, target-sensitive distance", _ONE_LEVEL | {"model.distance": "masked"}),
    (
        "a5",
        "A5: A4 + margin to the context",
        {k: v for k, v in _ONE_LEVEL.items() if k != "optimizer.loss_warmup"},
    ),
    ("a6", "A6: A5 on all levels", _AS_PUBLISHED | {"model.enhancement": False}),
    ("a7", "A7: A6 + target enhancement = TMCA", _AS_PUBLISHED),
    (
        "a7-less-alignment",
        "A7 less alignment",
        _AS_PUBLISHED | {"model.alignment_levels": [], "optimizer.loss_warmup": {}},
    ),
    ("a7-less-presence", "A7 less the question for presence", _AS_PUBLISHED | {"model.presence_weight": 0.0}),
    ("a8", "A8: A7 + swapped sentences (ours)", {}),
    ("a8-less-contrast", "A8 less the contrast of the batch and the margin", {"model.alignment_weight": 0.0}),
    ("a8-less-enhancement", "A8 less target enhancement", {"model.enhancement": False}),
)
"""The grid to reproduce the paper's claims, part by part, two that take a part from the whole, and what we add (OURS).
A variant is what the recipe says, but for these settings."""

LSMS: tuple[Change, ...] = (
    ("full", "LSMS", {}),
    ("language-stage", "words once a stage", {"model.language_blocks": "stage"}),
    ("language-none", "words in the decoder alone", {"model.language_blocks": "none", "model.swapped_weight": 0.0}),
    ("no-swapped", "without swapped sentences, as in the paper", {"model.swapped_weight": 0.0}),
    ("plain-scales", "branches unweighted", {"model.scale_weights": False}),
    ("kernels-5", "SVLA kernels 5", {"model.svla_args": {"kernels": []}}),
    ("kernels-5-7", "SVLA kernels 5, 7", {"model.svla_args": {"kernels": [7]}}),
    ("kernels-5-7-11", "SVLA kernels 5, 7, 11", {"model.svla_args": {"kernels": [7, 11]}}),
    ("no-mixer", "full-scale decoder less the global mixing", {"model.decoder_args.mixer_layers": 0}),
    ("no-aggregation", "full-scale decoder less the aggregation", {"model.decoder_args.aggregate": False}),
    (
        "hamburger",
        "SLViT's decoder in place of the full-scale one",
        {"model.decoder": "hamburger", "model.decoder_args": {"width": 96, "rank": 16}},
    ),
    ("contrast-0", "contrastive terms 0, as in the paper's v1", {"model.contrastive_weight": 0.0}),
    ("untold-apart", "images without words in a pass of their own (ours)", {"model.untold": "apart"}),
    ("contrast-0.05", "contrastive terms 0.05", {"model.contrastive_weight": 0.05}),
    ("contrast-0.5", "contrastive terms 0.5", {"model.contrastive_weight": 0.5}),
)
"""One part at a time of LSMS left out, or done differently."""

GRIDS = {"tmca": TMCA, "lsms": LSMS}
_WHOLE = {"tmca": "a8", "lsms": "full"}
_SWAPPED = {"tmca": 0.1, "lsms": 0.5}
"""Of the whole; a recipe as published has none."""
QATA = {
    "cases": ["${LEXSEG_DATA}/qata_covid19/cases.csv"],
    "label": "QaTa-COV19, 1,000 training cases",
    "ids": "qata-1000",
    "split": "val",
    "limit": 600,
    "probes": ["none", "shuffled", "mirrored", "irrelevant"],
    "leaks": True,
}


def ablation(
    method: str,
    *,
    recipe: str = "",
    datasets: Mapping[str, Mapping[str, Any]] | None = None,
    budget: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    size: int = 128,
) -> dict[str, Any]:
    """A plan, as its file would hold it, whose methods are the variants of one.

    Args:
        method: a key of `GRIDS`.
        recipe: that the variants change; empty is the lite one.
        datasets: as in a plan; QaTa-1,000 if ``None``.
        budget: as in a plan; 250 steps if ``None``.
        seeds: of every variant.
        size: side of the input in pixels.

    Raises:
        ConfigError: there is no grid for the method, or the recipe is another method's.
    """
    if method not in GRIDS:
        raise ConfigError(f"there is no ablation of {method!r}; choose among {', '.join(GRIDS)}")
    from lexseg.training.recipe import read_recipe

    recipe = recipe or f"{method}-lite"
    config = read_recipe(recipe)
    if config.method != method:
        raise ConfigError(f"{recipe} is a recipe of {config.method}, not of {method}")
    mscan = str(config.model.get("encoder", "mscan-base")).startswith("mscan")
    weight = _SWAPPED[method]
    whole = {} if config.model.get("swapped_weight") == weight else {"model.swapped_weight": weight}
    return {
        "title": f"Ablation of {method.upper()} ({recipe}) at {size} px",
        "budget": dict(budget or {"steps": 250}),
        "train": {
            "data.fit": "stretch",
            "data.size": size,
            "data.grow": {},
            "data.batch_size": 16,
            "trainer.precision": "bf16-mixed",
        },
        "select": "best",
        "seeds": list(seeds),
        "methods": {
            name: {"recipe": recipe, "label": label} | ({"set": {**whole, **settings}} if whole or settings else {})
            for name, label, settings in GRIDS[method]
            if _fits(name, mscan)
        },
        "datasets": {name: dict(values) for name, values in (datasets or {"qata": QATA}).items()},
        "texts": ["own"],  # what parts make of the words is the question, so they must be there
        "reference": _WHOLE[method],
    }


def dataset_of(path: Path) -> dict[str, dict[str, Any]]:
    """A data set of a plan from its manifest, named after its folder."""
    name = "".join(c if c.isalnum() or c in "-." else "-" for c in path.resolve().parent.name).strip("-.") or "cases"
    return {name: {"cases": [str(path.resolve())]}}


def _fits(variant: str, mscan: bool) -> bool:
    """The packaged encoder has one SVLA block a stage, MSCAN many, whose kernels are its own."""
    return not variant.startswith("kernels") if mscan else variant != "language-stage"
