"""The snippets of the page on Python run, one after the other."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs/reference/python.md"
EXAMPLES = Path(__file__).parents[2] / "src/lexseg/assets/examples"


@pytest.mark.slow
def test_the_snippets_run(tmp_path: Path) -> None:
    film = np.asarray(Image.open(EXAMPLES / "images/cxr_00000001_000.png").convert("L").resize((96, 96)))
    films, rows = [], []
    for i in range(8):
        mask = np.zeros((96, 96), np.uint8)
        mask[20 + i : 60, 10:40] = 255
        for name, pixels in ((f"film{i}", np.roll(film, i, axis=0)), (f"mask{i}", mask)):
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        films.append(tmp_path / f"film{i}.png")
        rows.append([str(i), films[-1].name, f"mask{i}.png", "train" if i < 6 else "val", "opacity on the left"])
    manifest = tmp_path / "cases.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "image", "mask", "split", "text"], *rows])
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 5
    names = {"films": films[:2], "manifest": manifest, "out": tmp_path}
    for snippet in snippets:
        exec(snippet, names)
    assert names["batch"][0][0].probability.shape == names["answer"].mask.shape  # type: ignore[attr-defined]
    assert 0 <= names["report"].summary["per_image"]["dice"]["mean"] <= 1  # type: ignore[attr-defined]
    assert all(loss.isfinite() for loss in names["losses"].values())  # type: ignore[attr-defined]
    assert names["dice"](names["found"], names["truth"]) == pytest.approx(0.9)  # type: ignore[operator]
