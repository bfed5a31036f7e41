"""Image-level labels: the column ``present``, with a mask, without one, and against one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from image_labels import labelled_films
from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest, write_manifest
from lexseg.cases.truth import truth_of
from lexseg.errors import DataError
from lexseg.losses.presence import presence_loss
from lexseg.losses.segmentation import segmentation_losses
from lexseg.training.augment import AugmentConfig
from lexseg.training.dataset import CaseDataset, stack
from lexseg.training.grouped_dataset import GroupedDataset, ImageGroup

MakeSet = Callable[..., Path]
BLANK = {"mask": ""}


def films(make_set: MakeSet, *rows: dict[str, str]) -> list[Case]:
    columns = dict.fromkeys(column for row in rows for column in row)
    return read_manifest(make_set(*({column: "" for column in columns if column != "mask"} | row for row in rows)))


def emptied(case: Case) -> None:
    Image.fromarray(np.zeros((8, 10), np.uint8)).save(case.mask)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("yes", "yes"), ("No", "no"), ("unknown", "unknown"), ("", None), ("true", "yes"), ("0", "no"), ("1.0", "yes")],
)
def test_what_a_cell_means(make_set: MakeSet, given: str, expected: str | None) -> None:
    (case,) = films(make_set, {"mask": "", "present": given})
    assert case.present == expected
    assert "present" not in case.extra


@pytest.mark.parametrize(("given", "expected"), [(True, "yes"), (False, "no"), (None, None), (1, "yes"), (0, "no")])
def test_json_has_truths_of_its_own(make_set: MakeSet, given: object, expected: str | None) -> None:
    folder = make_set({}).parent
    row = {"id": "a", "image": "images/1.png", "present": given}
    (folder / "cases.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert read_manifest(folder / "cases.jsonl")[0].present == expected


def test_other_words_are_refused_with_their_row(make_set: MakeSet) -> None:
    with pytest.raises(DataError, match=r"cases\.csv, row 3, .*present.*'maybe' is none of yes, no, unknown"):
        films(make_set, {"present": "yes"}, {"present": "maybe"})


@pytest.mark.parametrize(
    ("kind", "targets", "present", "good"),
    [("none", "", "no", True), ("none", "", "yes", False), ("one", "1", "no", False), ("one", "1", "yes", True)],
)
def test_an_expression_says_itself_whether_it_means_something(
    make_set: MakeSet, kind: str, targets: str, present: str, good: bool
) -> None:
    row = {"expression_kind": kind, "target_ids": targets, "present": present}
    if good:
        assert films(make_set, row)[0].present == present
    else:
        with pytest.raises(DataError, match=r"row 2.*expression_kind"):
            films(make_set, row)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_round_trip(make_set: MakeSet, suffix: str) -> None:
    cases = films(make_set, BLANK | {"present": "yes"}, BLANK | {"present": "no"}, BLANK | {"present": "unknown"}, {})
    copy = cases[0].image.parent.parent / f"copy{suffix}"
    write_manifest(copy, cases)
    assert [(case.present, case.mask) for case in read_manifest(copy)] == [(c.present, c.mask) for c in cases]


def test_a_mask_that_is_missing_is_no_empty_one(make_set: MakeSet) -> None:
    yes, no, silent, drawn = films(make_set, BLANK | {"present": "yes"}, BLANK | {"present": "no"}, BLANK, {})
    for case, located, present in ((yes, False, True), (no, True, False), (drawn, True, True)):
        truth = truth_of(case)
        assert (truth.located, truth.present) == (located, present)
        assert truth.mask.shape == (8, 10) and truth.mask.any() == (case is drawn)
        assert case.is_answered and case.is_located == located
    assert not silent.is_answered and not silent.is_located
    with pytest.raises(ValueError, match="there is no mask"):
        truth_of(silent)


def test_a_mask_that_says_otherwise_is_an_error_of_its_file_and_row(make_set: MakeSet) -> None:
    cases = films(make_set, {"present": "no"}, {"present": "yes"}, {"present": "yes"}, {"present": "no"})
    emptied(cases[1])
    emptied(cases[3])
    for case, message in ((cases[0], "holds a target, but 'present' is 'no'"), (cases[1], "is empty, .* 'yes'")):
        with pytest.raises(DataError, match=rf"cases\.csv, row {case.row}: .*masks/{case.row - 1}\.png.*{message}"):  # type: ignore[operator]
            CaseDataset([case], (32, 32))[0]
    assert truth_of(cases[2]).present is True and truth_of(cases[3]).present is False


def test_unknown_beside_an_empty_mask_makes_it_no_mask(make_set: MakeSet) -> None:
    empty, full = films(make_set, {"present": "unknown"}, {"present": "unknown"})
    emptied(empty)
    truth = truth_of(empty)
    assert not truth.located and truth.present is None
    assert truth_of(full).located and truth_of(full).present is True
    sample = CaseDataset([empty], (32, 32))[0]
    assert np.isnan(sample.present) and not sample.valid.any()


def test_rows_of_one_image_with_and_without_masks_go_together(make_set: MakeSet) -> None:
    """And what nobody has drawn stays present wherever augmentation moves the image."""
    cases = films(make_set, {}, BLANK | {"present": "yes"}, BLANK | {"present": "no"})
    rows = tuple(replace(case, image=cases[0].image) for case in cases)
    config = AugmentConfig(shift=0.9, mirror=1.0, zoom=(0.5, 2.0))
    moved = 0
    for epoch in range(12):
        drawn, yes, no = GroupedDataset([ImageGroup(rows, "v")], (32, 48), augment=config, seed=0, epoch=epoch)[0]
        assert yes.image is drawn.image and no.image is drawn.image
        assert (yes.present, no.present) == (1.0, 0.0)
        assert not yes.valid.any() and torch.equal(no.valid, drawn.valid)
        assert not yes.mask.any() and not no.mask.any()
        moved += not drawn.valid.all()
    assert moved > 5


def test_what_nobody_has_drawn_teaches_presence_and_nothing_else(make_set: MakeSet) -> None:
    cases = films(make_set, BLANK | {"present": "yes"}, BLANK | {"present": "no"}, {})
    dataset = CaseDataset(cases, (32, 32), augment=AugmentConfig())
    target = stack([dataset[i] for i in range(3)]).target
    logits = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
    sum(segmentation_losses(logits, target).values()).backward()  # type: ignore[union-attr]
    assert logits.grad is not None
    pushed = logits.grad.abs().sum((1, 2, 3))
    assert pushed[0] == 0 and pushed[1] > 0 and pushed[2] > 0
    answers = torch.zeros(3, requires_grad=True)
    presence_loss(answers, target).backward()
    assert answers.grad is not None
    assert answers.grad.sign().tolist()[:2] == [-1, 1]


def test_nothing_known_is_refused_with_its_row(make_set: MakeSet) -> None:
    cases = films(make_set, {}, BLANK | {"present": "unknown"}, BLANK)
    with pytest.raises(DataError, match=r"needs a mask .*or 'present' yes or no(?s:.*)row 3\n.*row 4") as caught:
        CaseDataset(cases, (32, 32))
    assert "row 2" not in str(caught.value)
    with pytest.raises(DataError, match="row 3"):
        GroupedDataset([ImageGroup(tuple(cases), "v")], (32, 32), augment=AugmentConfig(), seed=0, epoch=0)


@pytest.mark.data
def test_real_films_of_which_only_the_whole_is_labelled(data_root: Path, tmp_path: Path) -> None:
    manifest = labelled_films(data_root, "nih_cxr", tmp_path / "nih", {"yes": 2, "no": 2})
    samples = list(map(CaseDataset(read_manifest(manifest), (64, 64)).__getitem__, range(4)))
    assert [s.present for s in samples] == [1, 1, 0, 0]
    assert [s.located for s in samples] == [False, False, True, True]
    assert [bool(s.valid.all()) for s in samples] == [False, False, True, True]
    assert all(s.mask.shape[-1] >= 300 and not s.mask.any() for s in samples)
