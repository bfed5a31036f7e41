"""The model card that a run writes of itself."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from lexseg.models.io import ModelConfig
from lexseg.training.config import TrainConfig, as_list


def model_card(
    config: TrainConfig, written: ModelConfig, metrics: Mapping[str, Any], parameters: int, training: int
) -> str:
    """README.md of a model folder: what it is, how it was made, how it scored on validation.

    No sentence of the data and no path stands in it: the folder may be handed on.

    Args:
        config: the recipe.
        written: the model's configuration.
        metrics: as they stand in metrics.json.
        parameters: of the network.
        training: number of training cases.
    """
    encoder = written.text_encoder
    reads = (
        "no sentences" if encoder is None else f"sentences by the text encoder `{encoder.get('name', encoder['kind'])}`"
    )
    trained = "" if encoder is None else ", trained along" if encoder.get("trainable") else ", frozen"
    left = {"image": "the left of the image", "patient": "the patient's left", None: "not known"}[written.laterality]
    manifests = len(as_list(config.data.cases))
    return f"""---
library_name: lexseg
tags: [medical, image-segmentation, language-guided]
---

# {config.method} (LexSeg {version("lexseg")})

**Research use only. Not a medical device.**

Method `{config.method}`, {parameters / 1e6:.1f} M parameters. It reads images of any size, {_brought(written)} to \
{written.size[0]} x {written.size[1]} pixels, and {reads}{trained}. "Left" in its training sentences: {left}.

## Validation

{_result(metrics)}

Score it in full with `lexseg evaluate`: other aggregations, intervals and the honesty probes (no sentence, another
sentence, left and right swapped).

## How it was made

Trained on {training:,} cases of {manifests} manifest{"s" if manifests > 1 else ""} for at most \
{config.trainer.epochs} epochs, seed {config.seed}. The `config.yaml` of the run is the whole recipe, its `run.json` \
names versions and data.

## Data

Name the data sets, their terms and whom they show here before you hand the model on.
"""


def _result(metrics: Mapping[str, Any]) -> str:
    val = metrics["val"]
    if val is None:
        return "None: the run was stopped before its first validation."
    return (
        "| Dice per image | Dice pooled | cases |\n|---|---|---|\n"
        f"| {val['per_image']['dice']['mean']:.4f} | {val['pooled']['dice']:.4f} | {val['n']:,} |\n\n"
        f"At each mask's own size; {val['empty_rule']}. {_chosen(metrics)}"
        + _absent(val)
        + ("\n\nThese cases are drawn phantoms: the numbers say nothing about patients." if "phantoms" in val else "")
    )


def _chosen(metrics: Mapping[str, Any]) -> str:
    if metrics["monitor"] == "last":
        return f"The last epoch ({metrics['epoch'] + 1}), as was settled beforehand."
    best = f"Best epoch ({metrics['epoch'] + 1}) by `{metrics['monitor']}`"
    return f"{best}: chosen on these very cases, so expect a little less on others."


def _absent(val: Mapping[str, Any]) -> str:
    """What it says where the target is not there; nothing where validation had no such case."""
    referring, presence = val.get("referring", {}), val.get("presence", {})
    if "t_acc" not in referring:
        return ""
    known = f"; AUROC of presence {presence['auroc']:.4f}" if presence else ""
    return (
        f"\n\nWhere the target is not in the image the mask was empty in {referring['n_acc']:.1%} (N-acc); where it "
        f"is, something was found in {referring['t_acc']:.1%} (T-acc){known}."
    )


def _brought(written: ModelConfig) -> str:
    return "stretched" if written.fit == "stretch" else "brought, with black margins,"
