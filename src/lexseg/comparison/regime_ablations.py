"""Ablations of learning regimes as plans: the yardsticks, the whole, and the whole less one part after the other."""

from collections.abc import Mapping, Sequence
from typing import Any

from lexseg.comparison.ablations import QATA
from lexseg.errors import ConfigError

Part = tuple[str, str, Mapping[str, Any]]
"""Name, label and settings (``regime.args`` among them) of a variant."""

YARDSTICKS: tuple[Part, ...] = (
    ("supervised", "Supervised only, equal steps", {"regime.kind": "supervised"}),
    ("mean-teacher", "Mean teacher", {"regime.kind": "mean-teacher"}),
    ("self-training", "Self-training", {"regime.kind": "self-training"}),
)
"""What every regime must beat. At equal time: the same, with more steps."""

PARTS: dict[str, tuple[Part, ...]] = {
    "dec": (
        ("whole", "Dual-scale consistency and cross-generation", {}),
        ("less-scales", "less the agreement of scales", {"regime.args.scales": False}),
        ("less-lights", "less the agreement of lights", {"regime.args.lights": False}),
        ("less-generation", "less cross-generation", {"regime.args.generation": False}),
        ("constant", "weight 1 from the first step, as released", {"regime.ramp": 0.0}),
        ("half-wordless", "half of the unlabelled images without words", {"regime.drop_words": 0.5}),
    ),
    "dec-full": (
        ("whole", "DEC-Seg's network and losses", {}),
        ("wrapped", "its losses around the model as it is", {"regime.kind": "dec"}),
        ("less-scales", "less the agreement of scales", {"regime.args.scales": False}),
        ("less-lights", "less the agreement of lights", {"regime.args.lights": False}),
        ("less-generation", "less cross-generation", {"regime.args.generation": False}),
    ),
    "cross-level": (
        ("whole", "Contrast of patches, then consistency", {}),
        ("less-contrast", "less contrast", {"regime.args.contrast": False}),
        ("less-consistency", "less consistency", {"regime.args.consistency": False}),
        ("own-words", "patches asked with the sentence of the whole", {"regime.args.patch_words": "own"}),
    ),
    "correction": (
        ("whole", "Gates and inpainting", {}),
        ("less-gates", "less the gates", {"regime.args.gated": False}),
        ("less-inpainting", "less inpainting", {"regime.args.inpaint": False}),
    ),
    "meta-pseudo": (
        ("whole", "Meta pseudo labels and mixed objects (SM2C-style)", {}),
        ("h-0", "h forced to 0", {"regime.args.meta": False}),
        ("less-mosaic", "less mosaics", {"regime.args.mosaic": False}),
        ("less-paste", "less pasted objects", {"regime.args.paste": False}),
        ("less-shape", "less jittered shapes", {"regime.args.shape": False}),
        ("unmixed", "nothing mixed", {"regime.args.mosaic": False, "regime.args.paste": False}),
    ),
}
"""By the name of the regime."""


def regime_ablation(
    kind: str,
    *,
    recipe: str = "",
    datasets: Mapping[str, Mapping[str, Any]] | None = None,
    labels: str = "57",
    seeds: Sequence[int] = (0,),
    draws: Sequence[int] = (0, 1, 2),
    size: int = 128,
) -> dict[str, Any]:
    """A plan, as its file would hold it: the yardsticks and the variants of a regime, on each draw of labels.

    Args:
        kind: a key of `PARTS`.
        recipe: that the regime wraps; empty is ``unet-lite``.
        datasets: as in a plan; QaTa's training cases if ``None``.
        labels: ``data.labels``.
        seeds: of every cell.
        draws: of labels; each is a data set of its own.
        size: side of the input in pixels.

    Raises:
        ConfigError: there is no such regime.
    """
    if kind not in PARTS:
        raise ConfigError(f"there is no ablation of the regime {kind!r}; choose among {', '.join(PARTS)}")
    recipe = recipe or "unet-lite"
    variants = [
        *YARDSTICKS,
        *((n, label, {"regime.kind": kind} | dict(settings)) for n, label, settings in PARTS[kind]),
    ]
    known = datasets or {"qata": {k: v for k, v in QATA.items() if k != "ids"} | {"label": "QaTa-COV19"}}
    return {
        "title": f"Ablation of the regime {kind} ({recipe}, {labels} labels) at {size} px",
        "budget": {"steps": 300},
        "train": {"data.size": size, "data.grow": {}, "data.batch_size": 8, "data.labels": labels},
        "select": "last",
        "seeds": list(seeds),
        "methods": {name: {"recipe": recipe, "label": label, "set": settings} for name, label, settings in variants},
        "datasets": {
            f"{name}-draw{draw}": {
                **values,
                "label": f"{values.get('label', name)}, draw {draw}",
                "set": {**values.get("set", {}), "data.labels_seed": draw},
            }
            for name, values in known.items()
            for draw in draws
        },
        "texts": ["own"],
        "reference": "supervised",
    }
