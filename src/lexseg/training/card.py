"""The model card that a run writes of itself."""

from typing import Any

from lexseg.training.config import TrainConfig, as_list


def model_card(config: TrainConfig, scores: dict[str, Any]) -> str:
    """README.md of a model folder: what it is, how it was made, how it scored on validation.

    No sentence of the data and no path stands in it: the folder may be handed on.
    """
    val = scores.get("val")
    result = (
        f"| Dice per image | Dice pooled |\n|---|---|\n| {val['per_image']:.4f} | {val['pooled']:.4f} |\n\n"
        f"Best epoch {scores['epoch']} by `{scores['monitor']}`, at each mask's own size."
        if val
        else "The run was stopped before its first validation."
    )
    return (
        "---\nlibrary_name: lexseg\ntags: [medical, image-segmentation, language-guided]\n---\n\n"
        f"# {config.method} (LexSeg)\n\n**Research use only. Not a medical device.**\n\n"
        f"## Validation\n\n{result}\n\nScore it in full with `lexseg evaluate`: other aggregations, intervals and the "
        "honesty probes (no sentence, another sentence, left and right swapped).\n\n"
        f"## How it was made\n\nMethod `{config.method}`, {config.trainer.epochs} epochs at {config.data.size} px, seed "
        f"{config.seed}, {len(as_list(config.data.cases))} manifest(s). The run's `config.yaml` is the whole recipe.\n\n"
        "## Data\n\nName the data sets, their terms and their patients here before you hand the model on.\n"
    )
