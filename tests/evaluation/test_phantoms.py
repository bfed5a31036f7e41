"""Phantoms are never scored with real images, and a report on them says what they are."""

from dataclasses import replace

import pytest

from lexseg.datasets.phantoms.mark import COLUMN
from lexseg.errors import DataError
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate
from lexseg.evaluation.page import build_page

OPTIONS = EvaluationOptions(n_resamples=20)


def marked(cases, value="yes"):
    return [replace(case, extra={**case.extra, COLUMN: value}) for case in cases]


def test_a_report_on_phantoms_says_so(cases, listener):
    report = evaluate(listener, marked(cases), OPTIONS)
    assert report.summary["data"]["phantoms"] is True
    page = build_page(report)
    assert "on 6 phantoms" in page
    assert "no result on patients" in page


@pytest.mark.parametrize("value", ["", "no"])
def test_a_report_on_real_images_does_not(cases, listener, value):
    report = evaluate(listener, marked(cases, value), OPTIONS)
    assert report.summary["data"]["phantoms"] is False
    assert "phantom" not in build_page(report)


def test_a_mixture_is_refused_before_anything_is_asked(cases, listener):
    mixture = [*marked(cases[:2]), *cases[2:]]
    with pytest.raises(DataError, match=r"phantoms .*row 2.* and real images .*row 4.* are not scored together"):
        evaluate(listener, mixture, OPTIONS)
    assert listener.calls == 0
