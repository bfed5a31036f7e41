import json

import numpy as np
import pytest
from PIL import Image

from lexseg.errors import DataError, TextError
from lexseg.outputs.overlay import COLOURS, draw_findings, preview
from lexseg.outputs.report_results import ReportFiles, finding_stems
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.whole_report import read_report_file, segment_report

REPORT = "Infection left, no effusion. There is a nodule. The right lung is clear; opacity on the right."


@pytest.fixture
def film():
    image = np.zeros((60, 100), np.float32)
    image[20:40, 10:30] = 1
    image[20:40, 70:90] = 1
    return image


@pytest.fixture
def answers(unsure_folder, film):
    return segment_report(Segmenter.from_pretrained(unsure_folder, device="cpu").set_image(film), REPORT)


def write_report(folder, image, answers, record, **options):
    files = ReportFiles(folder, "film", image, len(answers), **options)
    entries = [files.add(answer, record) for answer in answers]
    index = files.write(record)
    assert index["findings"] == entries
    return index


def test_each_finding_is_answered_by_its_own_mask(answers, film):
    assert [a.number for a in answers] == [1, 2, 3, 4, 5]
    assert [a.result.state for a in answers] == ["found", "negated", "not found", "negated", "found"]
    left, right = answers[0].result.mask, answers[4].result.mask
    assert left[:, :50].any() and not left[:, 50:].any() and right[:, 50:].any() and not right[:, :50].any()
    for answer in answers[1:4]:
        assert answer.result.mask.shape == film.shape and not answer.result.mask.any()
    assert answers[2].result.presence == pytest.approx(1 / (1 + np.exp(3)))
    assert answers[1].result.presence is None


def test_a_session_answers_a_report(sides, film):
    answers = sides.set_image(film).segment_report("opacity on the left", laterality="patient", threshold=0.3)
    (only,) = answers
    assert only.result.mask[:, 50:].any() and not only.result.mask[:, :50].any()
    assert only.result.laterality == "patient" and only.result.threshold == 0.3


def test_what_an_exception_denies_is_not_asked(sides, film):
    first, second = sides.set_image(film).segment_report("infection of both lungs except the left one")
    assert (first.result.state, second.result.state) == ("found", "negated")
    assert not second.result.mask.any()


def test_an_image_is_encoded_once(sides, film):
    session = sides.set_image(film)
    before = sides.model.encoded
    session.segment_report("opacity on the left. opacity on the right. bright spots")
    assert sides.model.encoded == before


def test_the_files_of_a_report(answers, film, tmp_path):
    tmp_path = tmp_path / "out"
    index = write_report(tmp_path, film, answers, {"image": "film.png"})
    names = {p.name for p in tmp_path.iterdir()}
    own = {f"film_{n}{end}" for n in ("01", "03", "05") for end in ("_mask.png", "_overlay.png", ".json")}
    assert names == own | {"film_report.json", "film_report_overlay.png"}
    assert json.loads((tmp_path / "film_report.json").read_text()) == index
    assert index["counts"] == {"found": 2, "not_found": 1, "negated": 2}
    entries = index["findings"]
    assert [e["number"] for e in entries] == [1, 2, 3, 4, 5]
    assert [e["sentence"] for e in entries] == [1, 1, 2, 3, 4]
    assert [e["state"] for e in entries] == [a.result.state for a in answers]
    assert REPORT[entries[4]["start"] : entries[4]["end"]] == "opacity on the right"
    assert entries[0]["area"]["px"] == answers[0].result.mask.sum() and entries[0]["laterality"] == "image"
    assert entries[2]["presence"] == 0.0474 and entries[2]["presence_threshold"] == 0.5
    assert entries[1]["files"] == {} and entries[1]["presence"] is None
    assert entries[0]["files"]["mask"] == "film_01_mask.png"
    assert not np.asarray(Image.open(tmp_path / "film_03_mask.png")).any()
    own_json = json.loads((tmp_path / "film_05.json").read_text())
    assert own_json["finding"] == 5 and own_json["state"] == "found" and own_json["start"] == entries[4]["start"]


def test_no_word_of_the_report_is_written_unless_asked_for(answers, film, tmp_path):
    write_report(tmp_path / "silent", film, answers, {})
    write_report(tmp_path / "told", film, answers, {}, include_text=True)
    silent = "".join(p.read_text() for p in (tmp_path / "silent").glob("*.json"))
    assert not any(word in silent for word in ("opacity", "Infection", "nodule", "effusion", "clear"))
    told = json.loads((tmp_path / "told" / "film_report.json").read_text())
    assert [e["text"] for e in told["findings"]] == [a.finding.text for a in answers]
    heights = [Image.open(tmp_path / each / "film_report_overlay.png").height for each in ("silent", "told")]
    assert heights[0] < heights[1]


def halves():
    masks = {n: np.zeros((80, 200), bool) for n in (1, 2, 9)}
    masks[2][10:70, 10:90] = True
    masks[9][10:70, 110:190] = True
    return masks


def test_found_findings_have_colours_of_their_own():
    picture = np.asarray(draw_findings(np.ones((80, 200), np.float32), halves()))
    assert picture.shape == (80, 200, 3)
    assert tuple(picture[10, 50]) == COLOURS[1] and tuple(picture[10, 150]) == COLOURS[8 % len(COLOURS)]
    assert tuple(picture[5, 5]) == (255, 255, 255)
    assert tuple(picture[15, 15]) not in ((255, 255, 255), COLOURS[1])  # tinted, but seen through


def columns_of_numbers(masks):
    """Where the black edges of the numbers are, in a white image."""
    picture = np.asarray(draw_findings(np.ones((80, 200), np.float32), masks)).astype(int)
    return np.nonzero((picture.sum(-1) < 60).any(0))[0]


def test_each_number_stands_inside_its_finding():
    columns = columns_of_numbers(halves())
    assert ((columns > 10) & (columns < 90)).any() and ((columns > 110) & (columns < 190)).any()
    assert not ((columns < 10) | (columns > 190) | ((columns > 90) & (columns < 110))).any()


def test_a_number_stands_where_its_finding_is_alone():
    masks = halves() | {2: halves()[2] | halves()[9]}
    columns = columns_of_numbers(masks)
    assert ((columns > 10) & (columns < 90)).any() and ((columns > 110) & (columns < 190)).any()


def test_a_huge_image_gives_a_preview():
    mask = np.zeros((1000, 1500), bool)
    mask[300:700, 500:1000] = True
    picture = np.asarray(draw_findings(np.zeros((1000, 1500), np.float32), {1: preview(mask, 512)}, largest=512))
    assert picture.shape == (334, 500, 3) and tuple(picture[300 // 3, 200]) == COLOURS[0]


def test_names_are_numbered_with_as_many_digits_as_needed():
    assert finding_stems("film", 3) == ["film_01", "film_02", "film_03"]
    assert finding_stems("film", 120)[-1] == "film_120" and finding_stems("film", 120)[0] == "film_001"


def test_a_sentence_too_long_is_named_by_its_number(sides, film):
    report = "No effusion. Secret words first. " + "left secret " * 80
    with pytest.raises(TextError, match=r"finding 3 of the report \(characters 33 to \d+\)") as caught:
        sides.set_image(film).segment_report(report)
    assert "secret" not in str(caught.value).lower()


def test_a_report_that_is_no_text(sides, film):
    with pytest.raises(TextError, match="no text; write it in UTF-8"):
        segment_report(sides.set_image(film), "FINDINGS: opacity in the \ud800 left lung.")


def test_a_report_without_findings(sides, film):
    with pytest.raises(TextError, match="no sentence"):
        sides.set_image(film).segment_report("TECHNIQUE: PA view.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\xff\xfeo\x00", "UTF-8"),
        (b"a\0b", "binary"),
        (b"a" * 1_000_001, "larger"),
    ],
)
def test_reports_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "report.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_report_file(path)


def test_a_report_file_keeps_its_characters(tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes("\ufeffleft\r\nlung".encode())
    assert read_report_file(path) == "left\r\nlung"
