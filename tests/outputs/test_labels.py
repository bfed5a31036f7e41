"""Several sentences on one map."""

import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import main
from lexseg.errors import ConfigError
from lexseg.outputs.labels import LabelMap
from lexseg.predict.segmentation import Segmentation


def answer(probability, **values):
    return Segmentation(probability=np.asarray(probability, np.float32), threshold=0.5, **values)


def test_a_pixel_belongs_to_the_most_probable_of_those_that_found_it():
    one, two = answer([[0.9, 0.6, 0.4, 0.6]], text="a"), answer([[0.6, 0.9, 0.3, 0.6]], text="b")
    labels = LabelMap([one, two])
    assert labels.values.tolist() == [[1, 2, 0, 1]] and labels.values.dtype == np.uint8


def test_what_is_not_found_or_denied_takes_no_pixel():
    found = answer([[0.6, 0.6]])
    denied = answer([[0.9, 0.9]], presence=0.1, presence_threshold=0.5)
    assert LabelMap([denied, found, answer([[0.9, 0.9]], negated=True)]).values.tolist() == [[2, 2]]


def test_the_legend_counts_what_is_shown_and_what_was_found():
    legend = LabelMap([answer([[0.9, 0.6]], text="a"), answer([[0.6, 0.9]], text="b")]).legend()
    assert [(each["value"], each["pixels"], each["found"]) for each in legend["labels"]] == [(1, 1, 2), (2, 1, 2)]
    assert not any("text" in each for each in legend["labels"])
    named = LabelMap([answer([[0.9, 0.6]], text="a")]).legend(include_text=True)
    assert named["labels"][0]["text"] == "a" and json.dumps(named)


def test_a_map_holds_255_and_no_more():
    LabelMap([answer([[0.9]])] * 255)
    with pytest.raises(ConfigError, match="255"):
        LabelMap([answer([[0.9]])] * 256)


@pytest.fixture
def film(tmp_path):
    image = np.zeros((90, 160), np.uint8)
    image[30:60, 20:50] = image[30:60, 110:140] = 255
    Image.fromarray(image).save(tmp_path / "film.png")
    return tmp_path / "film.png"


def lexseg(*arguments):
    return main(["segment", *map(str, arguments)])


def test_the_command_writes_a_palette_and_a_legend(film, sides_folder, tmp_path):
    asked = ("--text", "left lung", "--text", "right lung", "--model", sides_folder, "--together")
    assert lexseg(film, *asked, "--output", tmp_path / "out") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["film_labels.json", "film_labels.png", "film_overlay.png"]
    picture = Image.open(tmp_path / "out/film_labels.png")
    legend = json.loads((tmp_path / "out/film_labels.json").read_text())
    values = np.asarray(picture)
    assert picture.mode == "P" and values[45, 35] == 1 and values[45, 125] == 2 and values[5, 5] == 0
    colours = np.asarray(picture.convert("RGB"))
    for label in legend["labels"]:
        assert colours[values == label["value"]][0].tolist() == label["colour"]
        assert (values == label["value"]).sum() == label["pixels"] > 0
    assert "text" not in legend["labels"][0] and legend["sentences"] == 2


def test_sentences_are_named_where_asked(film, sides_folder, tmp_path):
    asked = ("--text", "left lung", "--text", "right lung", "--model", sides_folder, "--together", "--include-text")
    assert lexseg(film, *asked, "--output", tmp_path / "out") == 0
    legend = json.loads((tmp_path / "out/film_labels.json").read_text())
    assert [label["text"] for label in legend["labels"]] == ["left lung", "right lung"]


def test_a_volume_is_one_nifti_of_numbers_in_its_own_place(sides_folder, tmp_path):
    values = np.zeros((160, 90, 5), np.int16)
    values[20:50, 30:60, 1:4] = values[110:140, 30:60, 2:4] = 1000
    affine = np.diag([-0.7, -0.8, 2.5, 1])
    affine[:3, 3] = (40, 30, -20)
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "scan.nii.gz")
    asked = ("--text", "left", "--text", "right", "--model", sides_folder, "--together", "--window", "1000,500")
    assert lexseg(tmp_path / "scan.nii.gz", *asked, "--laterality", "image", "--output", tmp_path / "out") == 0
    labels = nib.load(tmp_path / "out/scan_labels.nii.gz")
    found = np.asarray(labels.dataobj)
    np.testing.assert_allclose(labels.affine, affine)
    assert labels.shape == values.shape and set(np.unique(found)) == {0, 1, 2}
    assert found[35, 45, 0] == 0 and found[35, 45, 1] == 1 and found[125, 45, 1] == 0 and found[125, 45, 3] == 2
    legend = json.loads((tmp_path / "out/scan_labels.json").read_text())
    assert [label["pixels"] for label in legend["labels"]] == [(found == 1).sum(), (found == 2).sum()]


@pytest.mark.parametrize("more", [("--capture",), ("--gsps",)])
def test_what_is_of_one_answer_is_refused(film, sides_folder, tmp_path, more, capsys):
    asked = ("--text", "left", "--model", sides_folder, "--together", *more)
    assert lexseg(film, *asked, "--output", tmp_path / "out") == 1
    assert "--together" in capsys.readouterr().err


def test_the_inputs_are_never_overwritten(film, sides_folder, tmp_path, capsys):
    labels = film.rename(tmp_path / "film_labels.png")
    Image.open(labels).save(tmp_path / "film.png")
    asked = ("--text", "left", "--model", sides_folder, "--together", "--output", tmp_path)
    assert lexseg(tmp_path / "film.png", labels, *asked) == 1
    assert "overwrite" in capsys.readouterr().err
