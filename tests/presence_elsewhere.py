"""What one hospital teaches of health, asked elsewhere: a linear probe of NIH's labels, on NIH's films and on others'.

``python tests/presence_elsewhere.py DATA [--strides 8,16]`` fits the probe of `lexseg image-presence` to NIH's training
films, on the maps of ImageNet's EfficientNet-Lite0 and of the bundled models, and prints the AUROC of "ill" on NIH's
validation films, and of QaTa-COV19's ill validation films against the healthy ones of another source; then, how many
validation films of each source `default` takes for such as its own probe was fitted to.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from lexseg.metrics.calibration import auroc
from lexseg.models import create_model
from lexseg.models.base import SegmentationModel
from lexseg.models.config import bundled_models
from lexseg.models.io import load_model
from lexseg.models.place import to_input
from lexseg.models.tmca.image_presence import ImagePresence, pooled
from lexseg.scans.images import read_image
from lexseg.training.image_presence import LabelledImage, fit_image_presence

MOST = 150
"""Validation films of the other two sources, each."""


def films(data: Path, name: str, split: str) -> list[LabelledImage]:
    """A set's images of a split, with what its labels say; QaTa's are all ill."""
    with (data / name / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [LabelledImage(data / name / r["image"], r.get("finding", "ill") != "none", 0) for r in rows]


@torch.no_grad()
def said(model: SegmentationModel, probe: ImagePresence, images: list[LabelledImage], size: int) -> float:
    """AUROC of the probe's own answer, whatever kind it takes an image for."""
    logits = []
    for one in images:
        seen = torch.from_numpy(to_input(read_image(one.image), (size, size), "stretch"))[None]
        maps = model.encode_image(seen).maps
        logits.append(float(probe.answer(pooled([maps[i] for i in probe.read]))))
    return auroc(np.array(logits), np.array([one.present for one in images]))


@torch.no_grad()
def taken(model: SegmentationModel, images: list[LabelledImage], size: int) -> float:
    """The share of images that a model takes for its own probe's kind."""
    assert isinstance(model.image_presence, ImagePresence)
    inputs = (torch.from_numpy(to_input(read_image(one.image), (size, size), "stretch"))[None] for one in images)
    return float(np.mean([float(model.image_presence(model.encode_image(seen).maps)[0, 1]) > 0 for seen in inputs]))


def main() -> None:
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--strides", default="8,16")
    args = parser.parse_args()
    strides = [int(part) for part in args.strides.split(",")]
    sources = {name: films(args.data, name, "val") for name in ("nih_cxr", "qata_covid19", "healthy_cxr")}
    sources = {name: found[:: max(1, len(found) // MOST)] for name, found in sources.items()}
    nih, others = sources["nih_cxr"], sources["qata_covid19"] + sources["healthy_cxr"]
    networks: dict[str, tuple[SegmentationModel, int]] = {
        "ImageNet's Lite0": (create_model("tmca", text_width=8, encoder="efficientnet-lite0").eval(), 160)
    }
    for name, folder in bundled_models().items():
        loaded = load_model(folder)
        networks[name] = (loaded.model, loaded.config.size[0])
    for name, (model, size) in networks.items():
        probe = fit_image_presence(model, films(args.data, "nih_cxr", "train"), (size, size), strides=strides)
        within, elsewhere = said(model, probe, nih, size), said(model, probe, others, size)
        print(f"{name:18} strides {args.strides}: within NIH {within:.3f}, elsewhere {elsewhere:.3f}", flush=True)
    model, size = networks["default"]
    print("taken for NIH's: " + ", ".join(f"{name} {taken(model, found, size):.3f}" for name, found in sources.items()))


if __name__ == "__main__":
    main()
