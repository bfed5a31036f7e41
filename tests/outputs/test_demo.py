import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import main
from lexseg.language.sides import mirror_words
from lexseg.outputs.demo import DemoAnswer, examples, run_demo, summary
from lexseg.predict.segmentation import Segmentation
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask


def test_the_examples_are_few_complete_and_attributed():
    cases = examples()
    breast = [c for c in cases if c.id.startswith("breast_case")]
    assert 12 <= len(breast) <= 24 and all(c.mask for c in breast)  # up to 24 may be given on
    assert all(c.extra["source"] and c.laterality == "image" and c.text and c.split == "test" for c in cases)
    for case in breast:
        assert read_mask(case.mask).shape == read_image(case.image).shape[:2]
    readme = (cases[0].source.parent / "README.md").read_text(encoding="utf-8")
    for name in (
        "NIH Clinical Center",
        "Wang",
        "Pawłowska",
        "CC BY 4.0",
        "Cancer Imaging Archive",
        "Research use only",
    ):
        assert name in readme


def test_healthy_films_stand_beside_ill_ones_and_foreign_questions_beside_both():
    cases = examples()
    films = [c for c in cases if c.id.startswith("cxr")]
    kinds = Counter((c.present, c.expression_kind) for c in films)
    assert kinds["no", None] >= 3 and kinds["yes", None] == 2 and kinds["no", "foreign"] == 1
    assert sum(c.expression_kind == "foreign" for c in cases) == 2
    assert all(c.extra["shows"] for c in cases)
    # the words must decide
    left, right = (next(c.text for c in cases if c.id == f"cxr_mass_{side}") for side in ("left", "right"))
    assert mirror_words(left, "horizontal") == right != left


def answer(case, found, dice=None):
    return DemoAnswer(case, Segmentation(np.full((2, 2), 0.9 * found, np.float32), 0.5), dice, None)


@pytest.mark.parametrize(
    ("name", "found", "verdict"),
    [
        ("cxr_healthy_1", True, "wrong"),
        ("cxr_healthy_1", False, "right"),
        ("cxr_pneumonia_1", True, "right"),
        ("cxr_pneumonia_1", False, "wrong"),
        ("cxr_mass_left", True, "unknown"),
        ("cxr_mass_left", False, "unknown"),
        ("cxr_foreign", True, "wrong"),
        ("breast_foreign", False, "right"),
    ],
)
def test_whether_an_answer_was_right(name, found, verdict):
    case = next(c for c in examples() if c.id == name)
    assert answer(case, found).verdict == verdict


def test_an_outlined_lesion_is_found_where_half_of_it_is():
    case = next(c for c in examples() if c.mask is not None)
    assert [answer(case, True, dice).verdict for dice in (0.0, 0.49, 0.5, 1.0)] == ["wrong", "wrong", "right", "right"]


def test_the_demo_leaves_masks_overlays_and_a_page_that_needs_no_other_file(sides, tmp_path):
    findings = list(run_demo(sides, tmp_path))
    assert len(findings) == len(examples())
    for finding in findings:
        mask = np.asarray(Image.open(tmp_path / f"{finding.case.id}_mask.png")) > 0
        assert np.array_equal(mask, finding.result.mask)
        assert (finding.dice is None) == (finding.case.mask is None)
        assert summary(finding)
    # the fake listens: what is bright in the half that was asked for
    by_id = {f.case.id: f for f in findings}
    assert by_id["cxr_mass_left"].left == 1 and by_id["cxr_mass_right"].left == 0
    assert "100% left" in summary(by_id["cxr_mass_left"])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "not a medical device" in page and "CC BY 4.0" in page and "NIH Clinical Center" in page
    assert page.count("<figure>") == len(findings) and "kidney stone" in page
    assert page.count("this image shows") == len(findings) and "right or wrong: unknown" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "<script" not in page


def test_the_command_prints_what_was_found(sides_folder, tmp_path, capsys):
    assert main(["demo", "--model", str(sides_folder), "--output", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    assert "cxr_mass_left" in out and "Mean Dice" in out and "index.html" in out and "not a medical device" in out
