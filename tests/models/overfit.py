"""Can a shipped lite recipe learn eight real films by heart?"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from lexseg.cases.manifest import read_manifest
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.training.optimizer import build_optimizer
from lexseg.training.prepare import model_arguments
from lexseg.training.recipe import read_recipe


def overfit(
    recipe: str, data_root: Path, *, steps: int = 40, side: int = 96, seed: int = 0, **changes: object
) -> float:
    """Train the recipe's model on eight films of QaTa-COV19, all of them in every step.

    Args:
        recipe: its name.
        data_root: the development data.
        steps: of the recipe's optimiser.
        side: of the network's input.
        seed: of the weights.
        changes: of the model's keywords.

    Returns:
        Dice per image on the very same films, in evaluation mode, with the batch norms' statistics of these films: the
        running ones are still those of the first steps, more or less so from one processor to another.
    """
    config = read_recipe(recipe)
    cases = [c for c in read_manifest(data_root / "qata_covid19" / "cases.csv") if c.split == "train"][:8]
    films = [torch.from_numpy(read_image(c.image))[None, None] for c in cases]
    image = torch.cat([F.interpolate(f, (side, side), mode="bilinear", antialias=True) for f in films])
    image = image.expand(-1, 3, -1, -1)
    masks = [torch.from_numpy(read_mask(c.mask)).float()[None, None] for c in cases if c.mask is not None]
    mask = torch.cat([F.interpolate(m, (side, side), mode="nearest") for m in masks])
    encoder = create_text_encoder(config.text)
    torch.manual_seed(seed)
    model = create_model(config.method, **(model_arguments(config, encoder) | changes)).train()
    text = model.training_text(TextPipeline(encoder))([c.text for c in cases])
    optimizer, schedule = build_optimizer(model, config.optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        sum(model.training_losses(image, text, Target(mask)).values()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        # those of a frozen encoder are what it was trained with, and gather nothing in the pass below
        for norm in [m for m in model.modules() if isinstance(m, nn.BatchNorm2d) and m.training]:
            norm.reset_running_stats()
            norm.momentum = None  # the mean of all passes, of which there is one
        model(image, text)
        found = (model.eval()(image, text).logits > 0).float()
    overlap = 2 * (found * mask).sum((1, 2, 3)) / (found.sum((1, 2, 3)) + mask.sum((1, 2, 3)))
    return float(overlap.mean())
