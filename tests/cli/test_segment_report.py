"""``lexseg segment --report``, through ``main`` as the command line calls it."""

import json

import numpy as np
import pytest
from PIL import Image

import fakes
from lexseg.cli.main import main

REPORT = "FINDINGS: Bright spot left. No effusion.\nThere is a nodule.\nIMPRESSION: bright spots on both sides"


@pytest.fixture
def film(tmp_path):
    image = np.zeros((90, 160), np.uint8)
    image[30:60, 20:50] = 255
    image[30:60, 110:140] = 255
    path = tmp_path / "film.png"
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text(REPORT, encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def segment(unsure_folder, out, capsys):
    def call(*arguments):
        status = main(["segment", *map(str, arguments), "--model", str(unsure_folder), "--output", str(out)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def listed(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_a_report_is_answered_sentence_by_sentence(segment, film, report, out):
    status, printed, err = segment(film, "--report", report)
    assert err.count("note: left and right are taken for those of the picture") == 1
    assert status == 0 and err.count("\n") == err.count("warning:") + 1
    lines = printed.splitlines()
    assert "film_01_mask.png: " in lines[0] and "component" in lines[0]
    assert lines[1] == "finding 2 -> negated"
    assert lines[2].endswith("film_03_mask.png: not found (probability 0.05)")
    assert lines[-1].endswith("film_report.json")
    index = json.loads((out / "film_report.json").read_text())
    assert [f["state"] for f in index["findings"]] == ["found", "negated", "not found", "found"]
    assert [f["section"] for f in index["findings"]] == ["findings"] * 3 + ["impression"]
    assert index["image"] == str(film) and index["model_laterality"] == "image"
    assert set(index["seconds"]) == {"read", "model", "image", "sentences"}
    for entry in index["findings"]:
        assert all((out / name).is_file() for name in entry["files"].values())
        assert "text" not in entry
    left = np.asarray(Image.open(out / "film_01_mask.png"))
    assert left[:, :80].any() and not left[:, 80:].any()
    assert not np.asarray(Image.open(out / "film_03_mask.png")).any()
    assert "film_02_mask.png" not in listed(out)
    assert not any("spot" in (out / name).read_text() for name in listed(out) if name.endswith(".json"))


def test_words_are_written_where_they_may_be(segment, film, report, out):
    assert segment(film, "--report", report, "--include-text")[0] == 0
    index = json.loads((out / "film_report.json").read_text())
    assert index["findings"][0]["text"] == "Bright spot left"


def test_laterality_and_threshold(segment, film, report, out):
    assert (
        segment(film, "--report", report, "--laterality", "patient", "--threshold", "0.3", "--spacing", "1,2")[0] == 0
    )
    entry = json.loads((out / "film_report.json").read_text())["findings"][0]
    assert entry["laterality"] == "patient" and entry["threshold"] == 0.3
    assert entry["area"]["mm2"] == 2 * entry["area"]["px"]
    assert not np.asarray(Image.open(out / "film_01_mask.png"))[:, :80].any()


def test_not_found_and_negated_single_sentences(segment, film, out):
    status, printed, _ = segment(film, "--text", "a nodule", "--text", "no spot", "--text", "bright left")
    assert status == 0
    first, second, third = printed.splitlines()
    assert first.endswith("film_mask.png: not found (probability 0.05)") and second.endswith(": negated")
    assert "component" in third
    records = [json.loads((out / f"film{n}.json").read_text()) for n in ("", "_2", "_3")]
    assert [r["state"] for r in records] == ["not found", "negated", "found"]
    assert [r["found"] for r in records] == [False, False, True]
    assert [r["presence"] for r in records] == [0.0474, None, 0.9526]
    assert {r["presence_threshold"] for r in records} == {0.5}
    for name in ("film", "film_2"):
        assert not np.asarray(Image.open(out / f"{name}_mask.png")).any()
        assert Image.open(out / f"{name}_overlay.png").height > 90  # the caption says why


def test_a_report_and_a_sentence_are_a_usage_error(segment, film, report, out):
    status, _, err = segment(film, "--report", report, "--text", "left")
    assert status == 2 and "usage:" in err and "not allowed with" in err and listed(out) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "secret.txt cannot be read: No such file"), (b"", "is empty"), (b"\x89PNG\xff", "UTF-8"),
     (b"TECHNIQUE: PA", "no sentence about the image"), (b"no effusion. " + b"left " * 80, "finding 2 of the report")],
)  # fmt: skip
def test_reports_that_cannot_be_used(segment, film, report, out, content, message):
    report.unlink()
    if content is not None:
        report.write_bytes(content)
    status, _, err = segment(film, "--report", report)
    assert status == 1 and err.startswith("error: ") and message in err and "secret.txt" in err
    assert "Traceback" not in err and "left left" not in err and listed(out) == []


def test_a_report_is_about_one_image(segment, film, report, out, tmp_path):
    other = tmp_path / "films"
    other.mkdir()
    for name in ("a.png", "b.png"):
        (other / name).write_bytes(film.read_bytes())
    table = tmp_path / "asked.csv"
    table.write_text("image\nfilm.png\n")
    for images in ([film, other / "a.png"], [other], [table], [film, table]):
        status, _, err = segment(*images, "--report", report)
        assert status == 1 and "one image" in err and "Traceback" not in err
    assert listed(out) == []
    (other / "b.png").unlink()
    assert segment(other, "--report", report)[0] == 0


def test_a_bad_image_and_a_bad_output(segment, film, report, out, tmp_path):
    assert segment(tmp_path / "missing.png", "--report", report)[0] == 1
    out.write_text("mine")
    status, _, err = segment(film, "--report", report)
    assert status == 1 and "is a file" in err


def test_results_never_overwrite_the_image_or_the_report(segment, film, out, tmp_path):
    out.mkdir()
    report = out / "film_report.json"
    report.write_text(REPORT)
    status, _, err = segment(film, "--report", report)
    assert status == 1 and "overwrite" in err and report.read_text() == REPORT


def test_a_full_disk_leaves_nothing_half_written(segment, film, report, out, monkeypatch):
    fakes.fill_disk(monkeypatch, 5)
    status, _, err = segment(film, "--report", report)
    assert status == 1 and "Traceback" not in err and listed(out) == []
