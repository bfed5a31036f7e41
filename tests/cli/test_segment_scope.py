"""``lexseg segment`` of what is not in scope: said, not painted, and painted where the user insists."""

import io
import json

import numpy as np
import pydicom
import pytest
from PIL import Image

import fakes
from dicom_made import film as dicom_film
from lexseg.cli.main import main

pytestmark = pytest.mark.usefixtures("known_scope")


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray((fakes.picture() * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def segment(sides_folder, tmp_path, capsys):
    """Run the command; returns its status, what it prints, and the folder of its results."""

    def call(*arguments, into="out"):
        out = tmp_path / into
        status = main(["segment", *map(str, arguments), "--model", str(sides_folder), "--output", str(out)])
        return status, capsys.readouterr().out, out

    return call


def read(path):
    return json.loads(path.read_text())


def test_it_is_said_and_not_painted(segment, film):
    status, printed, out = segment(film, "--text", "zzz")
    values = read(out / "film.json")
    assert status == 0 and "not in scope: the words name nothing" in printed
    assert (values["state"], values["reason"], values["anyway"]) == ("not in scope", "words", False)
    assert values["found"] is False
    assert values["explanation"] in printed and values["presence"] is None and values["area"]["px"] == 0
    assert not np.asarray(Image.open(out / "film_mask.png")).any()
    assert Image.open(out / "film_overlay.png").height > 90  # the strip below says so
    assert values["model_sha256"] and values["lexseg"] and values["model"]


def test_it_is_painted_anyway_and_marked(segment, film):
    status, printed, out = segment(film, "--text", "zzz", "--anyway")
    values = read(out / "film.json")
    assert status == 0 and "asked anyway, and not in scope: the words name nothing" in printed
    assert (values["state"], values["reason"], values["anyway"]) == ("found", "words", True)
    assert np.asarray(Image.open(out / "film_mask.png")).any()
    _, _, plain = segment(film, "--text", "bright", into="plain")
    assert Image.open(out / "film_overlay.png").height > Image.open(plain / "film_overlay.png").height == 90
    assert read(plain / "film.json")["anyway"] is False and read(plain / "film.json")["reason"] is None


def test_a_black_picture_shows_nothing(segment, tmp_path):
    path = tmp_path / "black.png"
    Image.new("L", (64, 64)).save(path)
    status, printed, out = segment(path, "--text", "left lung")
    assert status == 0 and "not in scope" in printed and read(out / "black.json")["reason"] == "image"


def test_a_dicom_seg_is_not_made_of_it_unless_anyway(segment, tmp_path):
    path = tmp_path / "film.dcm"
    dicom_film(path, (fakes.picture() * 255).astype(np.uint8))
    status, printed, out = segment(path, "--text", "zzz", "--format", "seg")
    assert status == 0 and "not in scope" in printed
    assert sorted(p.name for p in out.iterdir()) == ["film.json", "film_overlay.png"]
    status, _, out = segment(path, "--text", "zzz", "--format", "seg", "--anyway", into="anyway")
    item = pydicom.dcmread(io.BytesIO((out / "film_seg.dcm").read_bytes())).SegmentSequence[0]
    assert status == 0 and "not in the model's scope" in item.SegmentDescription and "zzz" not in str(item)
    _, _, out = segment(path, "--text", "zzz", "--format", "seg", "--anyway", "--include-text", into="told")
    item = pydicom.dcmread(out / "film_seg.dcm").SegmentSequence[0]
    assert "not in the model's scope" in item.SegmentDescription and item.SegmentDescription.endswith("zzz")


def test_findings_of_a_report(segment, film, tmp_path):
    report = tmp_path / "report.txt"
    report.write_text("Bright lung left. There is a zzz. No zzz.")
    status, printed, out = segment(film, "--report", report)
    index = read(out / "film_report.json")
    assert status == 0 and index["counts"] == {"found": 1, "not_found": 0, "negated": 1, "not_in_scope": 1}
    assert [f["state"] for f in index["findings"]] == ["found", "not in scope", "negated"]
    assert index["findings"][1]["reason"] == "words" and index["findings"][1]["explanation"] in printed
    assert index["model_sha256"] and index["lexseg"]
    _, printed, out = segment(film, "--report", report, "--anyway", into="anyway")
    index = read(out / "film_report.json")
    assert [(f["state"], f["anyway"]) for f in index["findings"]] == [
        ("found", False),
        ("found", True),
        ("negated", False),
    ]
    assert "asked anyway" in printed
