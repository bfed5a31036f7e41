"""Fields where findings can lie: read, found, cut into the parts that sentences name, and made masks of."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.errors import ConfigError, DataError, ModelError
from lexseg.models import create_model
from lexseg.models.io import ModelConfig, save_model
from lexseg.scans.masks import read_mask
from lexseg.training.weak.fields import Fields, part_of, sides
from lexseg.training.weak.pseudo import PseudoOptions, pseudo_label
from weak_scored import by_colour, coloured

Box = tuple[int, int, int, int]
TWO: tuple[Box, ...] = ((30, 10, 90, 50), (12, 70, 120, 110))
"""Two boxes of 128 pixels, top, left, bottom, right: 60 rows by 40 on the left, 108 by 40 on the right."""


def boxes(*places: Box) -> NDArray[np.bool_]:
    mask = np.zeros((128, 128), np.bool_)
    for top, left, bottom, right in places:
        mask[top:bottom, left:right] = True
    return mask


def parts(*named: tuple[int, int]) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple((row, column) in named for column in range(2)) for row in range(3))


def field_set(root: Path, texts: list[str], *places: Box, **columns: str) -> Path:
    """The coloured image for each sentence, a field for each; the masks cannot be read."""
    coloured(root)
    (root / "fields").mkdir()
    with (root / "cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "mask", "split", "laterality", "text", "lungs", *columns])
        for i, text in enumerate(texts):
            (root / f"c{i}.png").write_bytes((root / "image.png").read_bytes())
            (root / f"m{i}.png").write_bytes(b"no picture")
            Image.fromarray(boxes(*places).astype(np.uint8) * 255).save(root / f"fields/c{i}.png")
            row = [f"c{i}", f"c{i}.png", f"m{i}.png", "train", "image", text, f"fields/c{i}.png"]
            writer.writerow([*row, *columns.values()])
    return root / "cases.csv"


def test_the_thirds_of_each_side_are_of_its_own_height() -> None:
    field = boxes(*TWO).astype(np.float32)
    assert np.array_equal(part_of(field, parts((0, 0))), boxes((30, 10, 50, 50)))
    assert np.array_equal(part_of(field, parts((1, 1), (2, 1))), boxes((48, 70, 120, 110)))
    assert np.array_equal(part_of(field, None), boxes(*TWO))
    assert not part_of(field, parts()).any()


@pytest.mark.parametrize(
    ("places", "left", "right"),
    [
        (TWO, TWO[:1], TWO[1:]),
        (((10, 5, 100, 30), (10, 35, 100, 60)), ((10, 5, 100, 30),), ((10, 35, 100, 60),)),  # all on one half
        ((*TWO, (110, 30, 114, 34)), TWO[:1], TWO[1:]),  # a speck
        ((TWO[0], TWO[1], (100, 10, 126, 40)), (TWO[0], (100, 10, 126, 40)), TWO[1:]),  # one side in two
        (((10, 10, 100, 110),), ((10, 10, 100, 60),), ((10, 60, 100, 110),)),  # one that crosses the middle
        (((10, 10, 100, 60),), ((10, 10, 100, 60),), ()),
        (((10, 70, 100, 110),), (), ((10, 70, 100, 110),)),
        ((), (), ()),
    ],
    ids=["two", "one half", "a speck", "three", "across", "left alone", "right alone", "nothing"],
)
def test_sides(places: tuple[Box, ...], left: tuple[Box, ...], right: tuple[Box, ...]) -> None:
    found = sides(boxes(*places))
    assert np.array_equal(found[0], boxes(*left)) and np.array_equal(found[1], boxes(*right))


@pytest.mark.parametrize("named", ["fields", "column:lungs"])
def test_masks_are_the_parts_of_the_field_that_sentences_name(named: str, tmp_path: Path) -> None:
    texts = ["infection, lower left lung.", "infection, all right lung.", "an infection."]
    manifest = field_set(tmp_path / "in", texts, *TWO)
    fields = Fields(named if named.startswith("column:") else str(tmp_path / "in" / named))
    made = pseudo_label(None, [manifest], tmp_path / "out", fields=fields)
    assert made.origins == {"field": 3}
    for case, place in zip(read_manifest(made.manifest), [((70, 10, 90, 50),), TWO[1:], TWO], strict=True):
        mask, wanted = read_mask(case.mask), boxes(*place)
        assert 2 * (mask & wanted).sum() / (mask.sum() + wanted.sum()) > 0.99
        assert case.weight == pytest.approx(0.9, abs=0.02) and case.extra["mask_origin"] == "parts: field"
        assert ("lungs" in case.extra) == (named == "fields")


def test_the_patients_left_is_the_pictures_right(tmp_path: Path) -> None:
    manifest = field_set(tmp_path / "in", ["infection, left lung."], *TWO)
    manifest.write_text(manifest.read_text().replace("train,image,", "train,patient,"))
    made = pseudo_label(None, [manifest], tmp_path / "out", fields=Fields("column:lungs"))
    assert np.array_equal(read_mask(read_manifest(made.manifest)[0].mask), boxes(TWO[1]))


@pytest.mark.parametrize("places", [(), TWO[:1]], ids=["no field", "none on the side that is named"])
def test_an_empty_field_gives_the_parts_of_the_picture_with_little_weight(
    places: tuple[Box, ...], tmp_path: Path
) -> None:
    manifest = field_set(tmp_path / "in", ["infection, right lung."], *places)
    made = pseudo_label(None, [manifest], tmp_path / "out", PseudoOptions(ask=1), fields=Fields("column:lungs"))
    case = read_manifest(made.manifest)[0]
    assert np.array_equal(read_mask(case.mask), boxes((0, 64, 128, 128)))
    assert case.weight == 0.05 and made.origins == {"whole image": 1} and made.asked == ("c0",)


def test_a_map_is_kept_to_the_parts_of_the_field(tmp_path: Path) -> None:
    """Red lies at the upper left, half of it in the field."""
    manifest = field_set(tmp_path / "in", ["red, left lung"], (32, 8, 100, 48), TWO[1])
    options = PseudoOptions(saliency="own")
    made = pseudo_label(by_colour(), [manifest], tmp_path / "out", options, fields=Fields("column:lungs"))
    mask = read_mask(read_manifest(made.manifest)[0].mask)
    assert made.origins == {"map": 1} and mask[40, 32] and not mask[:32].any() and not mask[56:].any()


def small_unet(folder: Path) -> Path:
    """One that takes what is bright for the field: an encoder's first channels decide nothing here, its bias does."""
    model = create_model("unet", encoder_args={"pretrained": False})
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.zero_()
    save_model(folder, model, ModelConfig("unet", {}, (64, 64)), card="# field\n")
    return folder


def test_a_model_finds_the_field(tmp_path: Path) -> None:
    """This one says one half everywhere: all of the picture is field, and as unsure as can be."""
    manifest = field_set(tmp_path / "in", ["infection, upper right lung."])
    made = pseudo_label(None, [manifest], tmp_path / "out", fields=Fields(str(small_unet(tmp_path / "model"))))
    case = read_manifest(made.manifest)[0]
    mask, wanted = read_mask(case.mask), boxes((0, 64, 43, 128))
    assert 2 * (mask & wanted).sum() / (mask.sum() + wanted.sum()) > 0.97 and case.weight == 0.5


def test_a_model_that_reads_words_finds_no_field(sides_folder: Path) -> None:
    with pytest.raises(ModelError, match="found by a model that reads none"):
        Fields(str(sides_folder))


def spoilt(change: Callable[[Path], None], root: Path, named: str, error: str) -> None:
    manifest = field_set(root / "in", ["infection, left lung."], *TWO)
    change(root / "in")
    with pytest.raises(DataError, match=error):
        pseudo_label(None, [manifest], root / "out", fields=Fields(named.format(root / "in")))
    assert not (root / "out").exists()


def _another_size(folder: Path) -> None:
    Image.fromarray(np.zeros((64, 128), np.uint8)).save(folder / "fields/c0.png")


def _two_of_a_name(folder: Path) -> None:
    (folder / "fields/c0.bmp").write_bytes((folder / "fields/c0.png").read_bytes())


def _written(value: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "cases.csv"
        path.write_text(path.read_text().replace("fields/c0.png", value))

    return change


@pytest.mark.parametrize(
    ("named", "change", "error"),
    [
        (
            "{}/fields",
            lambda f: (f / "fields/c0.png").rename(f / "fields/other.png"),
            "row 2: .* holds no mask of",
        ),
        ("{}/fields", _another_size, r"has 64 x 128 pixels and its image \(.*row 2\) 128 x 128"),
        ("{}/fields", _two_of_a_name, "c0.bmp and c0.png are both masks of c0"),
        ("{}/fields", lambda f: (f / "fields/c0.png").unlink(), "holds neither masks of fields"),
        (
            "column:lungs",
            lambda f: (f / "fields/c0.png").unlink(),
            "column lungs: fields/c0.png, .* is not there",
        ),
        ("column:lungs", _written(""), "row 2: no mask of the field stands in the column 'lungs'"),
        ("column:lungs", _written("../m0.png"), "row 2, column lungs: ../m0.png leads out of"),
        ("column:heart", lambda f: None, "row 2: no mask of the field stands in the column 'heart'"),
    ],
)
def test_fields_that_cannot_be_used(named: str, change: Callable[[Path], None], error: str, tmp_path: Path) -> None:
    spoilt(change, tmp_path, named, error)


def test_a_field_that_is_nowhere() -> None:
    with pytest.raises(ModelError, match="no such model"):
        Fields("nowhere at all")


def test_neither_a_model_nor_a_field(tmp_path: Path) -> None:
    manifest = field_set(tmp_path / "in", ["infection, left lung."], *TWO)
    with pytest.raises(ConfigError, match="name a model, a field"):
        pseudo_label(None, [manifest], tmp_path / "out")
    with pytest.raises(ConfigError, match="saliency: masks of a field alone are made of no map"):
        pseudo_label(None, [manifest], tmp_path / "out", PseudoOptions(saliency="own"), fields=Fields("column:lungs"))


def test_the_command_takes_a_field_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = field_set(tmp_path / "in", ["infection, left lung.", ""], *TWO)
    arguments = ["pseudo-label", str(manifest), "--output", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert "name what masks are made of: --model MODEL, --field FIELD, or both" in capsys.readouterr().err
    assert main([*arguments, "--field", "column:lungs"]) == 0
    said = capsys.readouterr().out
    assert "1 masks: 1 from the parts of the field that are named" in said and "1 left out" in said
