"""gIoU, cIoU, Pr@X, N-acc and T-acc against a second implementation that goes pixel by pixel, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lexseg.metrics.overlap import Counts, counts
from lexseg.metrics.referring import MEASURES, referring_scores, referring_terms

MASKS = arrays(bool, (3, 4)) | st.just(np.zeros((3, 4), bool))
SAMPLES = st.lists(st.tuples(MASKS, MASKS), min_size=1, max_size=12)


def by_sets(samples):
    """The measures from sets of pixels, as one would write them down from the paper."""
    ious, inter, union, above = [], 0, 0, {0.5: 0, 0.7: 0, 0.9: 0}
    target = none = answered = refused = 0
    for prediction, reference in samples:
        found, true = ({tuple(p) for p in np.argwhere(m)} for m in (prediction, reference))
        inter, union = inter + len(found & true), union + len(found | true)
        if not true:
            none += 1
            refused += not found
            ious.append(0.0 if found else 1.0)
            continue
        target += 1
        answered += bool(found)
        ious.append(len(found & true) / len(found | true))
        for least in above:
            above[least] += ious[-1] > least

    def share(part, whole):
        return part / whole if whole else float("nan")

    return {
        "giou": sum(ious) / len(ious),
        "ciou": share(inter, union),
        **{f"pr{round(100 * least)}": share(number, target) for least, number in above.items()},
        "n_acc": share(refused, none),
        "t_acc": share(answered, target),
    }


@settings(max_examples=300, deadline=None)
@given(SAMPLES)
def test_agrees_with_sets_of_pixels(samples):
    tallies = [counts(prediction, reference) for prediction, reference in samples]
    scores = referring_scores(tallies)
    assert tuple(scores) == MEASURES
    assert scores == pytest.approx(by_sets(samples), nan_ok=True)


def test_by_hand():
    """Two targets (IoU 0.8 and 0), a mask where nothing is named, and a rightly empty one."""
    tallies = [Counts(80, 10, 10), Counts(0, 0, 50), Counts(0, 25, 0), Counts(0, 0, 0)]
    assert referring_scores(tallies) == pytest.approx(
        {
            "giou": (0.8 + 0 + 0 + 1) / 4,
            "ciou": 80 / (100 + 50 + 25),
            "pr50": 0.5,
            "pr70": 0.5,
            "pr90": 0.0,
            "n_acc": 0.5,
            "t_acc": 0.5,
        }
    )


def test_precision_is_above_its_threshold_and_not_at_it():
    assert referring_scores([Counts(50, 0, 50)])["pr50"] == 0
    assert referring_scores([Counts(51, 0, 49)])["pr50"] == 1


@pytest.mark.parametrize(
    ("tallies", "unknown"),
    [
        ([Counts(5, 1, 1)], {"n_acc"}),
        ([Counts(0, 3, 0)], {"pr50", "pr70", "pr90", "t_acc"}),
        ([Counts(0, 0, 0)], {"pr50", "pr70", "pr90", "t_acc", "ciou"}),
        ([], set(MEASURES)),
    ],
)
def test_what_nothing_counts_for_is_unknown_and_not_0(tallies, unknown):
    assert {name for name, value in referring_scores(tallies).items() if np.isnan(value)} == unknown


@settings(max_examples=100, deadline=None)
@given(SAMPLES)
def test_perfect_answers_score_1(samples):
    scores = referring_scores([counts(reference, reference) for _, reference in samples])
    assert all(value == 1 for value in scores.values() if not np.isnan(value))


def test_terms_are_those_of_one_sample_each():
    above, below = referring_terms([Counts(8, 1, 1), Counts(0, 5, 0)])["ciou"]
    assert (above.tolist(), below.tolist()) == ([8, 0], [10, 5])
