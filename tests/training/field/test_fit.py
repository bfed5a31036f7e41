"""A field is learnt from images alone, kept as a model folder, and refused where there is nothing to learn from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from field_films import LEFT, RIGHT, Place, ellipse, film
from lexseg.errors import ConfigError, DataError
from lexseg.models.io import load_model
from lexseg.training.beside import check_settings
from lexseg.training.field.fit import FEWEST, FieldConfig, fit_field
from lexseg.training.weak.fields import Fields


def films(folder: Path, count: int, *dark: Place) -> Path:
    folder.mkdir()
    for i in range(count):
        Image.fromarray((film(*dark, seed=i).clip(0, 1) * 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.mark.slow
def test_fields_are_found_under_haze(tmp_path: Path) -> None:
    """Of a film half of whose right field is as bright as the body, the network finds what thresholds cannot."""
    said: list[str] = []
    config = FieldConfig([str(films(tmp_path / "films", FEWEST + 4, LEFT, RIGHT))], size=64, batch=8, steps=40)
    torch.manual_seed(3)
    made = fit_field(config, tmp_path / "field", device="cpu", say=said.append)
    assert said[0].startswith("24 of 24 images have two dark regions")
    config_written = load_model(made).config
    assert config_written.method == "unet" and config_written.size == (64, 64)

    image = film(LEFT, RIGHT, seed=99)
    image[70:, 64:][ellipse(*RIGHT)[70:, 64:]] = 0.75
    found = Fields(str(made), device="cpu")(None, torch.from_numpy(image)[None].clamp(0, 1))  # type: ignore[arg-type]
    truth = ellipse(*LEFT) | ellipse(*RIGHT)
    assert 2 * ((found >= 0.5) & truth).sum() / ((found >= 0.5).sum() + truth.sum()) > 0.8


def test_images_without_two_regions(tmp_path: Path) -> None:
    config = FieldConfig([str(films(tmp_path / "films", 3, LEFT))])
    with pytest.raises(DataError, match="were found on 0 of 3 images"):
        fit_field(config, tmp_path / "field", device="cpu", say=lambda _: None)
    assert not (tmp_path / "field").exists()


@pytest.mark.parametrize("changed", [{"size": 50}, {"batch": 0}, {"steps": 0}, {"lr": 2.0}, {"limit": -1}])
def test_settings_that_cannot_be_used(changed: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(changed))} is"):
        check_settings(FieldConfig(["films"], **changed), 32)  # type: ignore[arg-type]
