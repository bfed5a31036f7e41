import errno

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


def test_a_name_as_long_as_is_allowed(tmp_path):
    path = tmp_path / ("x" * 255)
    write_files({path: b"x"})
    assert path.read_bytes() == b"x"
