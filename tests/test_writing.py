import errno
from pathlib import Path

import pytest

from fakes import fill_disk
from lexseg.files import write_files


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
