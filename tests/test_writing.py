import errno
from pathlib import Path

import numpy as np
import pytest

from fakes import fill_disk
from lexseg.errors import DataError
from lexseg.evaluation.output import fresh_folder
from lexseg.files import folder_beside, make_folder, new_folder, replace_folder, write_files


def test_files_are_written_into_folders_that_are_made(tmp_path):
    write_files({tmp_path / "a" / "b.txt": b"b", tmp_path / "c.txt": b"c"})
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"b" and (tmp_path / "c.txt").read_bytes() == b"c"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "c.txt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_older_files_stay_as_they_were_until_all_the_new_are_there(tmp_path, monkeypatch, error):
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_bytes(b"old")
    fill_disk(monkeypatch, 2, error)
    with pytest.raises(type(error)) as caught:
        write_files({old: b"new", new: b"new"})
    if isinstance(error, OSError):
        assert caught.value.filename == str(new) and caught.value.errno == errno.ENOSPC
    assert old.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["old.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_what_a_full_disk_did_not_take_is_told_by_name_and_removed(tmp_path, monkeypatch):
    """A small file is refused as it is flushed, and again as it is closed: that must not end the tidying up."""
    real, begun = open, []

    def full(path, mode):
        begun.append(Path(path))
        real(path, mode).close()
        return real("/dev/full", "wb")

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_files({tmp_path / "a.json": b"{}"})
    monkeypatch.undo()
    assert caught.value.filename == str(tmp_path / "a.json")
    assert begun and list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_is_allowed(tmp_path):
    path = tmp_path / ("x" * 255)
    write_files({path: b"x"})
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("below", ["run", "deeper/run"])
def test_a_file_where_a_folder_was_expected_is_named(sides, tmp_path, below):
    file = tmp_path / "notes"
    file.write_text("mine")
    place = file / below
    with pytest.raises(DataError, match=f"{file} is a file, where a folder was expected"):
        write_files({place / "a.txt": b"a"})
    with pytest.raises(DataError, match=f"{file} is a file"), new_folder(place):
        pass
    with pytest.raises(DataError, match=f"{file} is a file"), fresh_folder(place):
        pass
    with pytest.raises(DataError, match=f"{file} is a file"):
        make_folder(place)
    with pytest.raises(DataError, match=f"{file} is a file"):
        sides.segment(np.ones((40, 60), np.float32), "bright").save(place / "answer")
    assert file.read_text() == "mine" and [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_folder_where_a_file_is_to_be_written_is_named_and_the_reverse(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(DataError, match=r"a\.txt: is a folder, and a file is to be written"):
        write_files({tmp_path / "b.txt": b"b", tmp_path / "a.txt": b"a"})
    (tmp_path / "file").write_text("mine")
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match="file: is there already and is no folder"):
        replace_folder(tmp_path / "new", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine" and not (tmp_path / "b.txt").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("building", [folder_beside, new_folder, fresh_folder])
def test_a_writer_that_does_not_say_what_a_full_disk_did_not_take_is_named_by_its_folder(tmp_path, building):
    """A file names itself when it is opened, and not when what was written is flushed."""
    with pytest.raises(OSError, match="No space left") as caught, building(tmp_path / "report"):
        Path("/dev/full").write_text("scores")
    assert caught.value.filename == str(tmp_path / "report")
    assert list(tmp_path.iterdir()) == []
