"""The controls of models that were trained without masks."""

from pathlib import Path

import pytest

from lexseg.cases.case import Case
from lexseg.errors import ConfigError
from lexseg.evaluation.expressions import check_probes, questions_about
from lexseg.language.strange_words import without_findings

SENTENCES = ("lower left lung infection", "One small polyp, located in right of the image.")


def cases() -> list[Case]:
    return [Case(f"c{i}", Path(f"{i}.png"), (text,)) for i, text in enumerate((*SENTENCES, ""))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SENTENCES[0], "lower left lung area"),
        (SENTENCES[1], "One small area, located in right of the image."),
        ("Pneumonia of the left lower lobe", "Area of the left lower lobe"),
        ("left lower lobe", "left lower lobe"),
    ],
)
def test_a_sentence_without_its_finding_keeps_its_places(text: str, expected: str) -> None:
    assert without_findings(text) == expected


def test_controls_are_asked_of_who_is_controlled() -> None:
    asked = questions_about(cases(), None, controlled=True)
    assert asked.probes["class-free"] == (*map(without_findings, SENTENCES), None)
    assert asked.names[:3] == ("none", "shuffled", "swapped") and asked.names[-1] == "class-free"


def test_others_are_asked_the_controls_on_request_alone() -> None:
    assert "class-free" not in questions_about(cases(), None).names
    asked = questions_about(cases(), None, probes=["class-free"])
    assert set(asked.probes) == {"class-free"}


def test_an_unknown_probe_is_told_of_all() -> None:
    with pytest.raises(ConfigError, match="absent, class-free"):
        check_probes(["sense"])
