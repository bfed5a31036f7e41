"""Image-level labels from other people's columns: ``lexseg import --present``, and what the check says of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_labels import labelled_films
from lexseg.cases.case import Case
from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.cases.splits import split_cases
from lexseg.cli.main import main
from lexseg.datasets.importers import import_layout
from lexseg.errors import ConfigError, DataError

MakeSet = Callable[..., Path]


@pytest.fixture
def labelled(make_set: MakeSet) -> Path:
    """Three films of which one is healthy, none with a mask; of a fourth nobody says."""
    blank = {"mask": "", "text": "pneumonia", "organ": ""}
    found = ("Pneumonia", "NONE", "effusion", "")
    return make_set(*({"finding": finding, "patient": f"p{k}"} | blank for k, finding in enumerate(found)))


def answers(cases: list[Case]) -> list[str | None]:
    return [case.present for case in cases]


def test_present_is_made_from_a_column(labelled: Path, tmp_path: Path) -> None:
    report = import_layout("manifest", labelled, tmp_path / "out", present="finding=none", fractions=(0.5, 0.25, 0.25))
    cases = read_manifest(report.manifest)
    assert answers(cases) == ["yes", "no", "yes", None]
    assert [case.extra["finding"] for case in cases] == ["Pneumonia", "NONE", "effusion", ""]
    assert [case.patient for case in cases] == ["p0", "p1", "p2", "p3"] and {case.text for case in cases} == {
        "pneumonia"
    }
    assert {case.extra["source"] for case in cases} == {"set"} == {case.origin for case in cases}
    assert report.check.summary.present == {"yes": 2, "no": 1}
    told = {p.row: p.message for p in report.check.problems if p.column == "mask"}
    assert "for presence alone" in told[2] and 3 not in told and "cannot be" in told[5]


def test_several_values_mean_nothing(labelled: Path, tmp_path: Path) -> None:
    report = import_layout("manifest", labelled.parent, tmp_path / "out", present="finding = none, Effusion")
    assert answers(read_manifest(report.manifest)) == ["yes", "no", "no", None]


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        ("finding", ConfigError, "expected yes, no, or COLUMN=VALUE"),
        ("finding=", ConfigError, "expected yes, no, or COLUMN=VALUE"),
        ("=none", ConfigError, "expected yes, no, or COLUMN=VALUE"),
        ("findings=none", DataError, r"no column 'findings'.*there are finding"),
    ],
)
def test_rules_that_do_not_do(labelled: Path, tmp_path: Path, rule: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_layout("manifest", labelled, tmp_path / "out", present=rule)
    assert not (tmp_path / "out").exists()


def test_a_value_that_no_case_has_is_told(labelled: Path, tmp_path: Path) -> None:
    report = import_layout("manifest", labelled, tmp_path / "out", present="finding=normal")
    (told,) = [note.message for note in report.notes if note.severity == "warning"]
    assert "no case has the finding 'normal'" in told and "'NONE' (1)" in told


def test_masks_that_say_otherwise_are_refused(make_set: MakeSet, tmp_path: Path) -> None:
    manifest = make_set({"finding": "none"}, {"finding": "mass"})
    with pytest.raises(DataError, match=r"row 2.*holds a target, but 'present' is 'no'"):
        import_layout("manifest", manifest, tmp_path / "out", present="finding=none")


def test_a_folder_of_healthy_films(make_set: MakeSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_set({}, {}, {}).parent
    for mask in (folder / "masks").iterdir():
        mask.unlink()
    arguments = ["import", "folder", str(folder), "--text", "pneumonia", "--present", "no", "--text-encoder", "none"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    assert "no 3" in capsys.readouterr().out
    cases = read_manifest(tmp_path / "out/cases.csv")
    assert answers(cases) == ["no"] * 3 and all(case.mask is None and case.is_located for case in cases)


def test_what_a_manifest_holds_beside_is_kept(make_set: MakeSet, tmp_path: Path) -> None:
    """Labels of a mask of several values, weights, languages, spacings, organs, other wordings, sources of its own."""
    row = {"label": "2", "weight": "2.5", "language": "en", "spacing": "0.5,0.7", "organ": "masks/2.png"}
    manifest = make_set(row | {"source": "mine", "present": "unknown"}, {})
    values = np.zeros((8, 10), np.uint8)
    values[:3], values[5:] = 1, 2
    Image.fromarray(values).save(manifest.parent / "masks/1.png")
    case, _ = read_manifest(import_layout("manifest", manifest, tmp_path / "out").manifest)
    assert (case.label, case.weight, case.language, case.spacing) == (2, 2.5, "en", (0.5, 0.7))
    assert case.origin == "mine" and case.present == "unknown"
    assert (tmp_path / "out" / case.extra["organ"]).is_file()
    assert not check_manifest(tmp_path / "out/cases.csv").count("error")


def test_the_check_holds_masks_against_present(make_set: MakeSet) -> None:
    manifest = make_set({"present": "no"}, {"present": "yes"}, {"present": "unknown"})
    Image.fromarray(np.zeros((8, 10), np.uint8)).save(manifest.parent / "masks/3.png")
    report = check_manifest(manifest)
    (wrong,) = [p for p in report.problems if p.severity == "error"]
    assert (wrong.row, wrong.column) == (2, "mask") and "holds a target" in wrong.message
    (told,) = [p for p in report.problems if p.severity == "info"]
    assert told.row == 4 and "counts as no mask" in told.message
    assert report.summary.present == {"yes": 1, "no": 1, "unknown": 1}


@pytest.mark.data
def test_real_films_with_false_captions(data_root: Path, tmp_path: Path) -> None:
    """Asked one question in place of the caption, and divided by patient with what has no mask."""
    source = data_root / "nih_cxr"
    report = import_layout("manifest", source, tmp_path / "out", present="finding=none", text="pneumonia")
    cases = read_manifest(report.manifest)
    assert report.check.ok and report.check.summary.present == {"yes": 303, "no": 276}
    assert {case.text for case in cases} == {"pneumonia"} and {case.origin for case in cases} == {"nih_cxr"}
    assert all((case.mask is None) == (case.present == "yes") for case in cases)
    anew = split_cases(cases)
    by_patient: dict[str | None, set[str | None]] = {}
    for case in anew:
        by_patient.setdefault(case.patient, set()).add(case.split)
    assert all(len(splits) == 1 for splits in by_patient.values())
    assert {(case.split, case.present) for case in anew} == {
        (split, answer) for split in ("train", "val", "test") for answer in ("yes", "no")
    }


@pytest.mark.data
def test_the_builder_for_tests_leaves_no_false_caption(data_root: Path, tmp_path: Path) -> None:
    manifest = labelled_films(data_root, "healthy_cxr", tmp_path / "healthy", {"no": 3})
    cases = read_manifest(manifest)
    assert {case.text for case in cases} == {"pneumonia"} and {case.present for case in cases} == {"no"}
    assert check_manifest(manifest).ok
