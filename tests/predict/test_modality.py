from pathlib import Path

import pytest

from lexseg import Segmenter
from lexseg.cli.main import main
from lexseg.predict.answered import noted
from lexseg.scans import open_scan

EXAMPLES = Path(__file__).parents[2] / "src" / "lexseg" / "assets" / "examples"


def test_a_kind_of_image_that_the_model_never_met_is_noted(data_root) -> None:
    ct = open_scan(data_root / "io_samples" / "dicom" / "torchio_series")
    film = open_scan(data_root / "io_samples" / "dicom" / "highdicom" / "dx_image.dcm")
    assert noted(ct, ["CT"]) is ct and noted(ct, []) is ct and noted(film, ["CR", "DX"]) is film
    assert noted(ct, ["CR", "DX"]).notes[-1].startswith("the model was trained on CR, DX and not on CT")


def test_a_plain_picture_tells_no_kind() -> None:
    picture = open_scan(sorted(EXAMPLES.rglob("*.png"))[0])
    assert noted(picture, ["CR"]) is picture


@pytest.mark.parametrize("more", [["--text", "opacity"], ["--report", "report.txt"]])
def test_the_bundled_model_says_that_it_knows_no_ct(data_root, tmp_path, monkeypatch, capsys, more) -> None:
    assert set(Segmenter.from_pretrained("chest").modalities) == {"CR", "DX", "US"}
    monkeypatch.chdir(tmp_path)
    Path("report.txt").write_text("Opacity in the left lung.")
    path = data_root / "io_samples" / "dicom" / "highdicom" / "ct_image.dcm"
    assert main(["segment", str(path), *more, "--model", "chest", "--output", "out"]) == 0
    assert "not on CT" in capsys.readouterr().err
