"""What a case's sentence means, by the columns mask, label, target_ids and expression_kind."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest, write_manifest
from lexseg.cases.truth import read_truth, truth_of
from lexseg.errors import DataError
from lexseg.scans.masks import read_instances

MakeSet = Callable[..., Path]
INSTANCES = np.zeros((8, 10), np.uint8)
INSTANCES[1:3, 1:3], INSTANCES[5:7, 1:3], INSTANCES[1:7, 6:9] = 1, 2, 7


@pytest.fixture
def referring(make_set: MakeSet) -> Path:
    """One, several and none of three targets, and a caption that means them all."""
    manifest = make_set(
        {"text": "the upper one", "expression_kind": "one", "target_ids": "1"},
        {"text": "both on the left", "expression_kind": "several", "target_ids": "1 2"},
        {"text": "the lower right one", "expression_kind": "none", "target_ids": ""},
        {"text": "three lesions", "expression_kind": "", "target_ids": "1 2 7"},
    )
    Image.fromarray(INSTANCES).save(manifest.parent / "masks/1.png")
    edit(manifest, {k: {"mask": "masks/1.png"} for k in range(4)})
    return manifest


def edit(manifest: Path, changes: dict[int, dict[str, str]]) -> None:
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for index, change in changes.items():
        rows[index] |= change
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)


def test_targets_and_the_others(referring: Path) -> None:
    one, several, none, caption = read_manifest(referring)
    assert [case.target_ids for case in (one, several, none, caption)] == [(1,), (1, 2), (), (1, 2, 7)]
    assert [case.expression_kind for case in (one, several, none, caption)] == ["one", "several", "none", None]
    for case, named in ((one, [1]), (several, [1, 2]), (none, []), (caption, [1, 2, 7])):
        truth = truth_of(case)
        mask, others = truth.mask, truth.others
        assert others is not None
        np.testing.assert_array_equal(mask, np.isin(INSTANCES, named))
        np.testing.assert_array_equal(others, (INSTANCES > 0) & ~np.isin(INSTANCES, named))
        np.testing.assert_array_equal(read_truth(case), mask)


def test_ordinary_masks_know_no_others(make_set: MakeSet) -> None:
    case = read_manifest(make_set({"target_ids": "", "expression_kind": ""}))[0]
    assert case.target_ids is None and case.expression_kind is None
    truth = truth_of(case)
    mask, others = truth.mask, truth.others
    assert mask.sum() == 40 and others is None
    Image.fromarray(INSTANCES).save(case.mask)  # type: ignore[arg-type]
    assert read_truth(replace(case, label=7)).sum() == 18
    with pytest.raises(DataError, match=r"holds 4 values .* 'target_ids'"):
        read_truth(case)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_round_trip(referring: Path, suffix: str) -> None:
    cases = read_manifest(referring)
    copy = referring.with_name(f"copy{suffix}")
    write_manifest(copy, cases)
    assert [replace(c, source=None, row=None) for c in read_manifest(copy)] == [
        replace(c, source=None, row=None) for c in cases
    ]
    with pytest.raises(ValueError, match="expression_kind"):
        write_manifest(copy, [replace(cases[0], target_ids=(), expression_kind=None)])


@pytest.mark.parametrize(
    ("given", "expected"), [([1, 3], (1, 3)), (["1", "3"], (1, 3)), ("1 3", (1, 3)), (4, (4,)), ([], None)]
)
def test_json_may_hold_a_list(make_set: MakeSet, given: object, expected: tuple[int, ...] | None) -> None:
    folder = make_set({}).parent
    row = {"id": "a", "image": "images/1.png", "mask": "masks/1.png", "target_ids": given}
    (folder / "cases.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert read_manifest(folder / "cases.jsonl")[0].target_ids == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"expression_kind": "one", "target_ids": ""}, "names 0, but expression_kind 'one' means exactly one target"),
        ({"expression_kind": "one", "target_ids": "1 2"}, "names 2, but .* exactly one target"),
        ({"expression_kind": "several", "target_ids": "1"}, "names 1, but .* two targets or more"),
        ({"expression_kind": "none", "target_ids": "1"}, "names 1, but .* no target"),
        ({"target_ids": "0"}, "'0' names no targets; expected pixel values of 1 or more"),
        ({"target_ids": "1,2"}, "with spaces between: '1 3'"),
        ({"target_ids": "-1"}, "names no targets"),
        ({"target_ids": "2 2"}, "names a target twice"),
        ({"expression_kind": "two", "target_ids": "1 2"}, "none of one, several, none"),
        ({"target_ids": "1", "label": "1"}, "either a label or"),
        ({"expression_kind": "none", "label": "1"}, "either a label or"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_row(make_set: MakeSet, row: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=rf"cases\.csv, row 3, column .*: .*{message}"):
        read_manifest(make_set({name: "" for name in row}, row))


def test_numbers_of_a_spreadsheet(make_set: MakeSet) -> None:
    assert read_manifest(make_set({"target_ids": "3.0"}))[0].target_ids == (3,)


def test_a_target_that_is_not_in_the_mask(referring: Path) -> None:
    edit(referring, {1: {"target_ids": "1 9"}})
    message = r"target_ids names 9, but the instances in the mask are 1, 2, 7"
    with pytest.raises(DataError, match=message):
        read_truth(read_manifest(referring)[1])
    errors = [p for p in check_manifest(referring).problems if p.severity == "error"]
    assert [(p.row, p.column) for p in errors] == [(3, "mask")]
    assert errors[0].message.startswith("masks/1.png: target_ids names 9")


def test_check_understands_referring_rows(referring: Path) -> None:
    report = check_manifest(referring)
    assert report.ok
    assert report.summary.kinds == {"one": 1, "several": 1, "none": 1}
    assert report.summary.empty_masks == 0  # the one that is empty should be
    assert report.summary.foreground is not None
    assert report.summary.foreground.most == pytest.approx((INSTANCES > 0).mean())


@pytest.mark.parametrize("kind", ["8 bit", "16 bit", "palette", "gray palette", "two values"])
def test_instances_of_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mask.png"
    values = INSTANCES.astype(np.int64)
    if kind == "16 bit":
        values = values * 5000
        Image.fromarray(values.astype(np.uint16)).save(path)
    elif kind == "two values":
        values = (values > 0).astype(np.int64)
        Image.fromarray(values.astype(bool)).save(path)
    elif kind == "8 bit":
        Image.fromarray(INSTANCES).save(path)
    else:
        image = Image.fromarray(INSTANCES).convert("P")
        gray = [v for i in range(256) for v in (i, i, i)]
        image.putpalette(gray if kind == "gray palette" else [v for i in range(256) for v in (255 - i, i, 7)])
        image.save(path)
    read = read_instances(path)
    assert read.dtype == np.int64
    np.testing.assert_array_equal(read, values)


def test_fractions_are_no_instances(tmp_path: Path) -> None:
    for value, message in ((0.5, "fractions"), (-1.0, "the value -1")):
        Image.fromarray(np.full((2, 2), value, np.float32)).save(tmp_path / "a.tif")
        with pytest.raises(DataError, match=message):
            read_instances(tmp_path / "a.tif")


@pytest.mark.data
def test_the_two_lungs_of_a_real_film(data_root: Path, tmp_path: Path) -> None:
    """Each infected area as an instance of its own: named one by one they make up the published mask."""
    from scipy import ndimage

    cases = read_manifest(data_root / "qata_covid19" / "cases.csv")
    case = next(c for c in cases if "bilateral" in c.text.lower())
    whole = read_truth(case)
    labels, number = ndimage.label(whole)
    assert number >= 2
    Image.fromarray(labels.astype(np.uint16)).save(tmp_path / "instances.png")
    union = np.zeros_like(whole)
    for target in range(1, number + 1):
        named = replace(case, mask=tmp_path / "instances.png", target_ids=(target,), expression_kind="one")
        truth = truth_of(named)
        mask, others = truth.mask, truth.others
        assert others is not None and mask.any() and not (mask & others).any()
        np.testing.assert_array_equal(mask | others, whole)
        union |= mask
    np.testing.assert_array_equal(union, whole)
