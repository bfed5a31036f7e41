"""Images with masks drawn for these tests."""

import numpy as np
import pytest
from PIL import Image

from referring import mask_of


@pytest.fixture
def make_films(tmp_path, write_csv):
    """``make_films([LEFT_LOWER], [])``: a manifest of images whose masks hold these ellipses."""

    def make(*films, folder="films", **columns):
        root = tmp_path / folder
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()
        rows = []
        for number, ellipses in enumerate(films):
            mask = ellipses if isinstance(ellipses, np.ndarray) else mask_of(*ellipses)
            noise = np.random.default_rng(number).integers(60, 90, mask.shape)
            Image.fromarray(np.where(mask > 0, 160, noise).astype(np.uint8)).save(root / f"images/f{number}.png")
            values = mask if mask.dtype != bool else np.where(mask, 255, 0)
            Image.fromarray(values.astype(np.uint8)).save(root / f"masks/f{number}.png")
            rows.append(
                {
                    "id": f"f{number}",
                    "image": f"images/f{number}.png",
                    "mask": f"masks/f{number}.png",
                    "split": "train" if number % 2 == 0 else "val",
                    "patient": f"p{number}",
                    "laterality": "image",
                    "text": "infected lungs",
                    **columns,
                }
            )
        return write_csv(root / "cases.csv", rows)

    return make
