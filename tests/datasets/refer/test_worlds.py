"""The sets that the bundled model learns from: every wording with both answers, in every source that has both."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import worlds
from lexseg.cases.case import NAMES_NOTHING
from lexseg.cases.manifest import manifest_columns, read_manifest
from lexseg.datasets.halves import join_halves, join_masks, side_of
from lexseg.scans.images import read_image


@pytest.mark.data
def test_within_one_source_every_general_wording_has_both_answers(data_root: Path, tmp_path: Path) -> None:
    """Asked of healthy films alone, "infection in the left lung" became a "no" by its wording."""
    manifest = worlds.build(data_root, tmp_path, ["chest-nih"])["chest-nih"]
    columns = [c for c in manifest_columns(manifest) if c == "text" or c.startswith("text_")]
    asked: dict[bool, list[str]] = defaultdict(list)
    for case in read_manifest(manifest, text_columns=columns):
        if case.split == "train" and case.extra["query"] == "all":
            there = case.present == "yes"
            assert there or case.expression_kind in NAMES_NOTHING
            asked[there] += case.texts
    yes, no = set(asked[True]), set(asked[False])
    # plurals ("opacities") are asked where nothing is and not where nobody has counted
    assert len(yes & no) / len(yes) > 0.95
    assert 0.5 < len(asked[True]) / len(asked[False]) < 2
    counts = {t: (asked[True].count(t), asked[False].count(t)) for t in sorted(yes & no)[:60]}
    assert np.mean([abs(a / len(asked[True]) - b / len(asked[False])) for a, b in counts.values()]) < 0.002


def test_halves_of_two_films(data_root: Path) -> None:
    folder = data_root / "qata_covid19" / "images"
    one, two = (read_image(p) for p in sorted(folder.iterdir())[:2])
    one, two = (x if x.ndim == 2 else x.mean(-1) for x in (one, two))
    joined, width = join_halves(one, two), one.shape[1]
    assert joined.shape == one.shape and joined.dtype == np.float32 and 0 <= joined.min() <= joined.max() <= 1
    left, right = slice(0, int(0.4 * width)), slice(int(0.6 * width), width)
    assert np.array_equal(joined[:, left], one[:, left])
    # the other's, but for brightness and contrast
    assert np.corrcoef(joined[:, right].ravel(), two[:, right].ravel())[0, 1] > 0.98
    strip = slice(width // 2 - 12, width // 2 + 12)
    assert abs(joined[:, strip].mean() - one[:, strip].mean()) < 0.05
    with pytest.raises(ValueError, match="one size"):
        join_halves(one, two[:-1])


def test_where_a_mask_lies() -> None:
    mask = np.zeros((10, 100), bool)
    assert side_of(mask) == "none"
    mask[2, 10] = True
    assert side_of(mask) == "left" and side_of(mask[:, ::-1]) == "right"
    mask[2, 49] = True
    assert side_of(mask) == "doubt"
    mask[2, 90] = True
    assert side_of(mask) == "both"
    other = np.zeros_like(mask)
    assert side_of(join_masks(other, mask)) == "doubt" if mask[2, 50] else side_of(join_masks(other, mask)) == "right"
