"""Folders as ISIC and BUSI have them; tables as spreadsheets write them; files that lie elsewhere."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.datasets.importers import import_layout
from lexseg.errors import ConfigError, DataError
from lexseg.scans.masks import read_mask

SIZE = (24, 32)


def image(path, seed=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(str(path).encode()) if seed is None else seed
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)).save(path)


def mask(path, rows=slice(0, 0), columns=slice(0, 0), value=255, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(size, np.uint8)
    values[rows, columns] = value
    Image.fromarray(values).save(path)


def cases_of(report):
    return {case.id: case for case in read_manifest(report.manifest)}


@pytest.fixture
def source(tmp_path):
    return tmp_path / "source"


@pytest.mark.parametrize("after", ["_segmentation", "_Segmentation", "_mask", "_seg", "_lesion", "_gt"])
def test_masks_with_a_word_after_the_image_s_name(source, tmp_path, after):
    for name in "abc":
        image(source / f"images/{name}.jpg")
        mask(source / f"masks/{name}{after}.png", slice(2, 8), slice(2, 8))
    report = import_layout("folder", source, tmp_path / "out")
    assert [read_mask(case.mask).sum() for case in cases_of(report).values()] == [36] * 3


def test_isic_s_folders_and_suffixes(source, tmp_path):
    for number in range(4):
        image(source / f"ISIC2018_Task1-2_Training_Input/ISIC_000000{number}.jpg")
        image(source / f"ISIC2018_Task1-2_Training_Input/ISIC_000000{number}_superpixels.png")
        mask(
            source / f"ISIC2018_Task1_Training_GroundTruth/ISIC_000000{number}_segmentation.png",
            slice(2, 9),
            slice(3, 9),
        )
    report = import_layout("folder", source, tmp_path / "out", text="skin lesion")
    cases = cases_of(report)
    assert sorted(cases) == [f"ISIC_000000{number}" for number in range(4)]
    assert all(case.text == "skin lesion" and read_mask(case.mask).sum() == 42 for case in cases.values())


def busi(source):
    for kind, number, parts in (("benign", 1, 2), ("benign", 10, 1), ("malignant", 1, 1), ("normal", 1, 1)):
        name = source / kind / f"{kind} ({number})"
        image(name.with_name(f"{name.name}.png"))
        for part in range(parts):
            where = (slice(2, 6), slice(2 + 10 * part, 6 + 10 * part)) if kind != "normal" else ()
            mask(name.with_name(f"{name.name}_mask{f'_{part}' * (part > 0)}.png"), *where)


def test_busi_s_folders_and_several_masks_as_one_target(source, tmp_path):
    busi(source)
    cases = cases_of(import_layout("folder", source, tmp_path / "out", recursive=True))
    assert {name: int(read_mask(case.mask).sum()) for name, case in cases.items()} == {
        "benign (1)": 32, "benign (10)": 16, "malignant (1)": 16, "normal (1)": 0,
    }  # fmt: skip
    assert cases["malignant (1)"].extra["folder"] == "malignant"


def test_busi_s_several_masks_as_cases_of_their_own(source, tmp_path):
    busi(source)
    cases = cases_of(import_layout("folder", source, tmp_path / "out", recursive=True, several="cases"))
    first, second = cases["benign (1)_1"], cases["benign (1)_2"]
    assert first.image == second.image and first.split == second.split
    assert read_mask(first.mask).sum() == read_mask(second.mask).sum() == 16
    assert not (read_mask(first.mask) & read_mask(second.mask)).any()


def test_folders_within_are_told_of_and_read_where_asked(source, tmp_path):
    busi(source)
    image(source / "a.png")
    report = import_layout("folder", source, tmp_path / "one", fractions=(1, 0, 0))
    assert len(cases_of(report)) == 1 and any("passed over" in note.message for note in report.notes)
    both = import_layout("folder", source, tmp_path / "all", recursive=True)
    assert len(cases_of(both)) == 5 and not any("passed over" in note.message for note in both.notes)


def test_folders_of_images_and_of_masks_go_side_by_side(source, tmp_path):
    for part in ("x", "y"):
        image(source / f"images/{part}/1.png", seed=sum(part.encode()))
        mask(source / f"masks/{part}/1.png", slice(0, 4 if part == "x" else 8), slice(0, 4))
    cases = cases_of(import_layout("folder", source, tmp_path / "out", recursive=True, fractions=(1, 0, 0)))
    assert {c.extra["folder"].split("/")[-1]: int(read_mask(c.mask).sum()) for c in cases.values()} == {
        "x": 16,
        "y": 32,
    }


def test_parts_of_one_target_keep_the_set_s_own_value(source, tmp_path):
    """Masks of 0 and 1, one of them in two files: none may become 0 and 255."""
    for name in "abc":
        image(source / f"{name}.png")
        mask(source / f"{name}_mask.png", slice(2, 6), slice(2, 6), value=1)
    mask(source / "a_mask_1.png", slice(10, 14), slice(2, 6), value=1)
    cases = cases_of(import_layout("folder", source, tmp_path / "out"))
    assert [int(read_mask(cases[name].mask).sum()) for name in "abc"] == [32, 16, 16]


def test_parts_of_other_sizes_are_refused_by_name(source, tmp_path):
    for name in "abc":
        image(source / f"{name}.png")
        mask(source / f"{name}_mask.png", slice(2, 6), slice(2, 6))
    mask(source / "a_mask_1.png", slice(2, 6), slice(2, 6), size=(10, 10))
    with pytest.raises(DataError, match=r"a_mask_1\.png: is of another size"):
        import_layout("folder", source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_way_of_several_masks_is_refused(source, tmp_path):
    busi(source)
    with pytest.raises(ConfigError, match="union, cases"):
        import_layout("folder", source, tmp_path / "out", several="first")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("names", [("id", "image", "mask", "text"), ("ID", "Image", "Mask", "Text")])
def test_tables_as_spreadsheets_write_them(tmp_path, separator, names):
    image(tmp_path / "a.png")
    mask(tmp_path / "a_m.png", slice(0, 4), slice(0, 4))
    text = f'"one{separator} two"'
    rows = [separator.join(names), separator.join(("1", "a.png", "a_m.png", text))]
    (tmp_path / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    (case,) = read_manifest(tmp_path / "cases.csv")
    assert (case.id, case.text, case.mask.name) == ("1", f"one{separator} two".replace("\t", "\t"), "a_m.png")


def test_capitals_do_not_take_another_column_s_place(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "cases.csv").write_text("id,image,Text,text,Finding\n1,a.png,no,yes,x\n", encoding="utf-8")
    (case,) = read_manifest(tmp_path / "cases.csv")
    assert case.text == "yes" and case.extra == {"Text": "no", "Finding": "x"}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_of_sentences_may_have_semicolons_or_tabs(source, tmp_path, separator):
    names = ("a", "b", "c", "d", "e")
    for name in names:
        image(source / f"Images/{name}.png")
        mask(source / f"GTs/mask_{name}.png", slice(0, 5), slice(0, 5))
    (source / "prompt").mkdir()
    rows = [separator.join(("Image", "Description"))]
    rows += [separator.join((f"mask_{name}.png", f"lesion, {name}")) for name in names]
    (source / "prompt/train.csv").write_text("\n".join(rows), encoding="utf-8")
    report = import_layout("languide", source, tmp_path / "out")
    assert {case.text for case in cases_of(report).values()} == {
        f"lesion, {name}" for name in ("a", "b", "c", "d", "e")
    }


@pytest.fixture
def linked(tmp_path):
    """A manifest whose image is a link, and whose mask's path leads elsewhere."""
    image(tmp_path / "archive/a.png")
    mask(tmp_path / "archive/m.png", slice(0, 4), slice(0, 4))
    folder = tmp_path / "mine"
    folder.mkdir()
    os.symlink(tmp_path / "archive/a.png", folder / "a.png")
    (folder / "cases.csv").write_text("id,image,mask,text\n1,a.png,../archive/m.png,x\n", encoding="utf-8")
    return folder / "cases.csv"


def test_files_elsewhere_are_refused_with_the_option_that_allows_them(linked):
    with pytest.raises(DataError, match="--links"):
        read_manifest(linked)
    assert not check_manifest(linked).ok and check_manifest(linked, links=True).ok


def test_links_are_followed_where_asked(linked, tmp_path):
    (case,) = read_manifest(linked, links=True)
    assert case.image == (tmp_path / "archive/a.png").resolve() and read_mask(case.mask).sum() == 16
    command = [
        "import",
        "manifest",
        str(linked),
        "--output",
        str(tmp_path / "out"),
        "--split",
        "100/0/0",
        "--text_encoder",
        "none",
    ]
    assert main(command) == 1 and main([*command, "--links"]) == 0
    (copied,) = read_manifest(tmp_path / "out/cases.csv")
    assert copied.image.is_relative_to((tmp_path / "out").resolve()) and not Path(copied.image).is_symlink()


def test_what_check_passes_with_links_train_and_evaluate_take(linked):
    from lexseg.training.config import DataConfig, TrainConfig
    from lexseg.training.prepare import read_cases

    text = linked.read_text(encoding="utf-8").splitlines()
    row = text[1].split(",", 1)[1]
    for k in range(6):
        image(linked.parent / f"o{k}.png")
    rows = [text[0], f"0,{row}", *(f"{k},o{k}.png,../archive/m.png,x" for k in range(1, 6))]
    linked.write_text("\n".join(rows), encoding="utf-8")
    config = TrainConfig(data=DataConfig(cases=str(linked), links=True))
    assert len(read_cases(config)) == 6
    with pytest.raises(DataError, match=r"data\.links"):
        read_cases(TrainConfig(data=DataConfig(cases=str(linked))))
