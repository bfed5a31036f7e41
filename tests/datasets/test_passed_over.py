"""Files that an import does not read are told of, and names in two normal forms are one name."""

import io
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main, never_fail_to_print
from lexseg.datasets.importers import import_layout
from lexseg.evaluation.sources import PredictionFolder
from lexseg.files import same_name


def save(path, value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(len(path.name)).integers(0, 255, (16, 20), dtype=np.uint8)
    if value is not None:
        values[:], values[4:8, 4:8] = 0, value
    Image.fromarray(values).save(path)


def said(report):
    return [problem.message for problem in report.notes if problem.message.startswith("passed over")]


class TestPassedOver:
    def test_masks_of_a_kind_that_is_not_read(self, tmp_path):
        for n in range(3):
            save(tmp_path / f"a/images/{n}.tif")
            save(tmp_path / f"a/masks/{n}.gif", 255)
        (message,) = said(import_layout("folder", tmp_path / "a", tmp_path / "o", text="vessels"))
        assert "3 files are no images that are read here (3 of .gif)" in message

    def test_images_in_folders_within(self, tmp_path):
        for name in ("1.png", "left/2.png", "left/3.png", "right/4.png"):
            save(tmp_path / "a/images" / name)
            save(tmp_path / "a/masks" / name, 255)
        messages = said(import_layout("folder", tmp_path / "a", tmp_path / "o", text="polyp"))
        assert len(messages) == 2 and all("3 images in folders within" in m and "left (2)" in m for m in messages)

    def test_other_layouts(self, tmp_path):
        save(tmp_path / "a/Images/1.png")
        save(tmp_path / "a/GTs/mask_1.png", 255)
        save(tmp_path / "a/GTs/mask_2.gif", 255)
        (tmp_path / "a/prompt").mkdir()
        (tmp_path / "a/prompt/train.csv").write_text("Image,Description\nmask_1.png,polyp\n")
        assert any(
            "1 of .gif" in message for message in said(import_layout("languide", tmp_path / "a", tmp_path / "o"))
        )

    def test_nothing_is_said_of_what_is_no_data(self, tmp_path):
        save(tmp_path / "a/images/1.png")
        save(tmp_path / "a/masks/1.png", 255)
        for name in (".DS_Store", "Thumbs.db", "README.md"):
            (tmp_path / "a/images" / name).write_bytes(b"x")
        assert not said(import_layout("folder", tmp_path / "a", tmp_path / "o", text="polyp"))


NAME = "Gef\u00e4\u00df"


@pytest.mark.parametrize("on_disk, in_table", [("NFD", "NFC"), ("NFC", "NFD")])
class TestNormalForms:
    def test_a_manifest(self, tmp_path, on_disk, in_table):
        folder, name = (unicodedata.normalize(on_disk, word) for word in ("\u00fc", NAME))
        save(tmp_path / folder / f"{name}.png")
        row = unicodedata.normalize(in_table, f"a,\u00fc/{NAME}.png,polyp")
        (tmp_path / "cases.csv").write_text(f"id,image,text\n{row}\n", encoding="utf-8")
        assert check_manifest(tmp_path / "cases.csv").ok

    def test_an_import(self, tmp_path, on_disk, in_table):
        save(tmp_path / "a/images" / f"{unicodedata.normalize(on_disk, NAME)}.png")
        save(tmp_path / "a/masks" / f"{unicodedata.normalize(in_table, NAME)}.png", 255)
        report = import_layout("folder", tmp_path / "a", tmp_path / "o", text="vessel")
        assert [case.mask is not None for case in read_manifest(report.manifest)] == [True]

    def test_predictions(self, tmp_path, on_disk, in_table):
        save(tmp_path / "image.png")
        name = unicodedata.normalize(in_table, NAME)
        (tmp_path / "cases.csv").write_text(f"id,image,text\n{name},image.png,vessel\n", encoding="utf-8")
        save(tmp_path / "given" / f"{unicodedata.normalize(on_disk, NAME)}.png", 255)
        assert len(PredictionFolder(tmp_path / "given").match(read_manifest(tmp_path / "cases.csv"))) == 1


def test_a_name_that_is_not_there_stays_as_it_is(tmp_path):
    assert same_name(tmp_path / NAME) == tmp_path / NAME


def test_letters_that_the_console_lacks(tmp_path, monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="strict")
    monkeypatch.setattr(sys, "stdout", console)
    never_fail_to_print()
    (tmp_path / "cases.csv").write_text("id,image,text\n\u043f1,no\u65e5.png,polyp\n", encoding="utf-8")
    assert main(["check", str(tmp_path / "cases.csv")]) == 1
    console.flush()
    assert b"\\u65e5.png" in console.buffer.getvalue()


@pytest.mark.parametrize("output", ["/proc/x", "/dev/null/x"])
def test_an_output_that_cannot_be(tmp_path, output, capsys):
    save(tmp_path / "a/images/1.png")
    assert main(["import", "folder", str(tmp_path / "a"), "--text", "polyp", "--output", output]) == 1
    assert capsys.readouterr().err.startswith("error: ")
