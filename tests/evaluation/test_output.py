"""Result folders: whole or not there, and never in place of something else."""

import pytest

from lexseg.errors import ConfigError
from lexseg.evaluation.output import fresh_folder

REPORT = '{"n": 1, "empty_rule": "", "per_image": {}, "pooled": {}}'


def fill(folder, text="new"):
    (folder / "report.json").write_text(REPORT)
    (folder / "cases.csv").write_text(text)


def test_appears_whole(tmp_path):
    with fresh_folder(tmp_path / "a" / "b") as folder:
        fill(folder)
        assert not (tmp_path / "a" / "b").exists()
    assert (tmp_path / "a" / "b" / "cases.csv").read_text() == "new"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_vanishes_after_an_error(tmp_path):
    with pytest.raises(OSError, match="full"), fresh_folder(tmp_path / "out") as folder:
        fill(folder)
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_replaces_an_earlier_evaluation_and_keeps_it_after_an_error(tmp_path):
    with fresh_folder(tmp_path / "out") as folder:
        fill(folder, "old")
    with pytest.raises(OSError), fresh_folder(tmp_path / "out") as folder:
        fill(folder)
        raise OSError("disk full")
    assert (tmp_path / "out" / "cases.csv").read_text() == "old"
    with fresh_folder(tmp_path / "out") as folder:
        fill(folder)
    assert (tmp_path / "out" / "cases.csv").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("names", [["notes.txt"], ["cases.csv", "masks"], ["report.json", "images"]])
def test_other_folders_are_left_alone(tmp_path, names):
    """A data set may well be a folder of ``cases.csv`` and ``masks``."""
    for name in names:
        (tmp_path / name).write_text(REPORT)
    with pytest.raises(ConfigError, match="not empty"), fresh_folder(tmp_path):
        pytest.fail("entered")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


def test_what_is_read_is_not_replaced(tmp_path):
    with fresh_folder(tmp_path / "out") as folder:
        fill(folder)
    with (
        pytest.raises(ConfigError, match="would be replaced"),
        fresh_folder(tmp_path / "out", inputs=[tmp_path / "out" / "masks"]),
    ):
        pytest.fail("entered")


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match="is a file"), fresh_folder(tmp_path / "out"):
        pytest.fail("entered")
