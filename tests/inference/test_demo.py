import re

import numpy as np
from PIL import Image

from lexseg.cli.main import main
from lexseg.data.images import read_image
from lexseg.data.masks import read_mask
from lexseg.inference.demo import examples, run_demo, summary


def test_the_examples_are_few_complete_and_attributed():
    cases = examples()
    breast = [c for c in cases if c.id.startswith("breast")]
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


def test_each_film_is_asked_for_both_sides_with_words_that_differ_in_the_side_alone():
    from lexseg.text.wording import mirror_words

    films = {}
    for case in examples():
        if case.mask is None:
            films.setdefault(case.image, []).append(case.text)
    assert len(films) == 2
    for left, right in films.values():
        assert mirror_words(left, "horizontal") == right != left


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
    assert page.count("<figure>") == len(findings) and "middle left lung" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "<script" not in page


def test_the_command_prints_what_was_found(sides_folder, tmp_path, capsys):
    assert main(["demo", "--model", str(sides_folder), "--output", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    assert "cxr_mass_left" in out and "Mean Dice" in out and "index.html" in out and "not a medical device" in out
