from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.language.report_reading import read_report

REPORT = """Name: Doe, Jane   DOB: 1.1.1950
EXAMINATION: Chest X-ray, PA and lateral.

HISTORY: Fever; opacity on the left on a previous film.
COMPARISON: 12.03.2020.
TECHNIQUE: PA and lateral views.

FINDINGS:
Lungs: There is consolidation in the right lower zone, measuring approx. 3.5 cm,
and an opacity in the left mid zone. No pleural effusion or
pneumothorax.
Heart: normal.

IMPRESSION:
1. Right lower lobe pneumonia.
2. Left lung: opacity in the mid zone, e.g. early infection.
3. No effusion; the upper zones are clear.

SIGNED: Dr. R. Left
"""


def said(text: str) -> list[tuple[str, bool]]:
    return [(finding.text, finding.negated) for finding in read_report(text)]


def test_a_whole_report() -> None:
    assert said(REPORT) == [
        ("Lungs: There is consolidation in the right lower zone, measuring approx. 3.5 cm", False),
        ("an opacity in the left mid zone", False),
        ("No pleural effusion or pneumothorax", True),
        ("Heart: normal", True),
        ("Right lower lobe pneumonia", False),
        ("Left lung: opacity in the mid zone, e.g. early infection", False),
        ("No effusion", True),
        ("the upper zones are clear", True),
    ]
    findings = read_report(REPORT)
    assert [f.section for f in findings] == ["findings"] * 4 + ["impression"] * 4
    assert [f.sentence for f in findings] == [1, 1, 2, 3, 4, 5, 6, 7]
    for finding in findings:
        assert " ".join(REPORT[finding.start : finding.end].split()) == finding.text
    assert "\n" in REPORT[findings[2].start : findings[2].end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FINDINGS: left opacity. COMPARISON: CT with right mass.", [("left opacity", False)]),
        ("INDICATION: cough. FINDINGS: left opacity.", [("left opacity", False)]),
        ("COMPARISON: none FINDINGS: left opacity", [("left opacity", False)]),
        (
            "Clinical information: infection? Findings: opacity in the right lung, left lung clear.",
            [("opacity in the right lung", False), ("left lung clear", True)],
        ),
        ("FINDINGS: left opacity. IMPRESSION: right nodule.", [("left opacity", False), ("right nodule", False)]),
        ("There is a left opacity. Impression: pneumonia.", [("There is a left opacity", False), ("pneumonia", False)]),
        ("Chest, two views. Impression: pneumonia.", [("pneumonia", False)]),
        ("Results of the study show a left opacity.", [("Results of the study show a left opacity", False)]),
        ("\ufeffFINDINGS: opacity left.\r\nIMPRESSION: Nodule.", [("opacity left", False), ("Nodule", False)]),
        ("Left opacity. Views: two. Right opacity.", [("Left opacity", False), ("Right opacity", False)]),
        (
            "FINDINGS: No effusion. Contrast: none. Opacity in the left base. HISTORY: right mass. Right nodule.",
            [("No effusion", True), ("Opacity in the left base", False)],
        ),
        ("History: right mass. Views: two. Right nodule.\n\nLeft opacity.", [("Left opacity", False)]),
        ("Pneumothorax: none.", [("Pneumothorax: none", True)]),
        ("Pleural effusion: No pleural effusion.", [("Pleural effusion: No pleural effusion", True)]),
        ("Infection: none\nEffusion: nil\nOpacity: left base", [
            ("Infection: none", True), ("Effusion: nil", True), ("Opacity: left base", False)]),
    ],
)  # fmt: skip
def test_reports_on_few_lines(text: str, expected: list[tuple[str, bool]]) -> None:
    assert said(text) == expected


def test_windows_line_ends_change_nothing_but_the_places() -> None:
    text = REPORT.replace("\n", "\r\n")
    assert said(text) == said(REPORT)
    assert all(" ".join(text[f.start : f.end].split()) == f.text for f in read_report(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("opacity in the left lower zone", [("opacity in the left lower zone", False)]),
        ("no infection on the left; opacity in the right lower zone",
         [("no infection on the left", True), ("opacity in the right lower zone", False)]),
        ("- opacity LLZ\n- left lung clear\n* RUL infiltrate\n",
         [("opacity LLZ", False), ("left lung clear", True), ("RUL infiltrate", False)]),
        ("1) opacity LLZ\n2) no effusion", [("opacity LLZ", False), ("no effusion", True)]),
        ("1. Opacity at the left base. 2. No effusion.", [("Opacity at the left base", False), ("No effusion", True)]),
        ("Opacity in the left lower zone\nNo effusion\nHeart normal",
         [("Opacity in the left lower zone", False), ("No effusion", True), ("Heart normal", True)]),
        ("There is an opacity in the left\nlower zone.", [("There is an opacity in the left lower zone", False)]),
        ("Bilateral pulmonary infection, two infected areas, all left lung and lower right lung.",
         [("Bilateral pulmonary infection, two infected areas, all left lung and lower right lung", False)]),
        ("opacities in the left lower and right upper zones",
         [("opacities in the left lower and right upper zones", False)]),
        ("Opacity in the left lower zone, nodule in the right upper zone and a mass at the left apex.",
         [("Opacity in the left lower zone", False), ("nodule in the right upper zone", False),
          ("a mass at the left apex", False)]),
        ("Both lungs are clear except for a small infiltrate at the right base.",
         [("Both lungs are clear", True), ("a small infiltrate at the right base", False)]),
        ("No infection except in the left lower zone.",
         [("No infection", True), ("infection in the left lower zone", False)]),
        ("Nodule of 1.5 mm in the left upper lobe. Infiltrate in the lt. lower zone.",
         [("Nodule of 1.5 mm in the left upper lobe", False), ("Infiltrate in the lt. lower zone", False)]),
        ("History: cough\n\nThe left lung shows infiltrates.", [("The left lung shows infiltrates", False)]),
        ("Impression: LLL pneumonia.", [("LLL pneumonia", False)]),
        ("FINDINGS\nLLL pneumonia", [("LLL pneumonia", False)]),
        ("FINDINGS AND IMPRESSION: LLL pneumonia", [("LLL pneumonia", False)]),
        ("Technique: opacity on the left", []),
        (" \n\n ", []),
        ("...\n- \n;", []),
        ("(?)\n***", []),
    ],
)  # fmt: skip
def test_sentences_and_findings(text: str, expected: list[tuple[str, bool]]) -> None:
    assert said(text) == expected


LINES = st.sampled_from(
    [
        "FINDINGS:",
        "HISTORY: cough",
        "No effusion.",
        "Opacity in the left lower zone",
        "and the right base",
        "1. mass",
        "",
    ]
)


@settings(deadline=None)  # words are slow the first time
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_findings_stand_in_order_and_do_not_overlap(text: str) -> None:
    findings = read_report(text)
    assert all(0 <= f.start < f.end <= len(text) and f.text for f in findings)
    assert all(a.end <= b.start and a.sentence <= b.sentence for a, b in pairwise(findings))
    assert not any("cough" in f.text for f in findings)


@settings(deadline=None)  # words are slow the first time
@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    read_report(text)


@pytest.mark.parametrize("text", ["As above.", "Unchanged.", "Stable.", "Status post pneumonia.", "S/p lobectomy."])
def test_what_names_nothing_that_is_there_now_is_passed_over(text: str) -> None:
    assert said(f"Opacity on the left. {text}") == [("Opacity on the left", False)]


@pytest.mark.parametrize("text", ["Status post lobectomy with new opacity", "S/p pneumonia of the right lower lobe"])
def test_what_is_there_after_what_is_past_is_asked(text: str) -> None:
    assert said(f"{text}.") == [(text, False)]


@pytest.mark.parametrize("text", ["The lungs are well expanded", "Osseous structures intact", "Parenchyma preserved"])
def test_a_part_that_is_said_to_be_well_is_no_finding(text: str) -> None:
    assert said(f"{text}.") == [(text, True)]


@pytest.mark.parametrize("text", ["1. 2. 3.", "12 / 7", "- \n- \n3)"])
def test_numbers_alone_name_nothing(text: str) -> None:
    assert read_report(text) == []
