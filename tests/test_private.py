"""Temporary places for what may tell of a patient: a process that is killed leaves it to the next one to tidy up."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import lexseg
from lexseg.evaluation.output import fresh_folder
from lexseg.files import folder_beside, new_folder
from lexseg.private import private_folder, remove_abandoned, short_hash

_KILLED = """
import os, signal
from pathlib import Path
{imports}
with {place} as folder:
    (Path(folder) / "image.dcm").write_bytes(b"a patient")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(imports, place, cwd):
    """A process that is killed while it holds a place."""
    script = _KILLED.format(imports=imports, place=place)
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, env=os.environ | {"TMPDIR": str(cwd)}, check=False)
    assert done.returncode == -9


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(folder):
    return [path.name for path in folder.rglob("*.dcm")]


@pytest.mark.parametrize("purpose", ["pacs", "serve"])
def test_the_next_one_removes_what_one_that_was_killed_has_left(scratch, purpose):
    killed("from lexseg.private import private_folder", f"private_folder({purpose!r})", scratch)
    assert left(scratch) == ["image.dcm"]
    with private_folder("pacs") as folder:
        assert left(scratch) == [] and [path.parent for path in scratch.rglob(".alive")] == [folder]
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(scratch.iterdir()) == []


def test_what_is_in_use_or_is_no_folder_of_ours_stays(scratch):
    for name in ("lexseg-pacs-other", "lexseg-pacs-link", "elsewhere"):
        (scratch / name).mkdir()
    (scratch / "lexseg-serve-x").symlink_to(scratch / "elsewhere")
    (scratch / "elsewhere" / ".alive").touch()
    with private_folder("pacs") as folder:
        (folder / "image").touch()
        remove_abandoned()
        assert (folder / "image").exists()
    assert len(list(scratch.iterdir())) == 4


_BESIDE = {
    "new_folder": ("from lexseg.files import new_folder", "new_folder(Path('out'))", new_folder),
    "folder_beside": ("from lexseg.files import folder_beside", "folder_beside(Path('out'))", folder_beside),
    "fresh_folder": ("from lexseg.evaluation.output import fresh_folder", "fresh_folder(Path('out'))", fresh_folder),
}


@pytest.mark.parametrize("kind", _BESIDE)
def test_an_output_that_was_begun_and_killed_is_removed_when_it_is_made_anew(tmp_path, kind):
    imports, place, make = _BESIDE[kind]
    killed(imports, place, tmp_path)
    assert left(tmp_path) == ["image.dcm"]
    (tmp_path / ".out.mine").mkdir()  # of somebody else
    with make(tmp_path / "out") as building:
        assert left(tmp_path) == [] and building.stat().st_mode & 0o077 == 0
        with folder_beside(tmp_path / "out"):  # at the same time: it is left alone
            assert building.is_dir()
        assert building.is_dir()
    made = {".out.mine"} if kind == "folder_beside" else {".out.mine", "out"}
    assert {path.name for path in tmp_path.iterdir()} == made
    if "out" in made:
        assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_no_other_module_makes_temporary_places():
    """What is written elsewhere would stay when the process is killed.

    A model's weights are no patient; the cache of sentences is written into the folder of a run, which is kept.
    """
    source = Path(lexseg.__file__).parent
    users = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if re.search(r"tempfile\.(mkdtemp|mkstemp|TemporaryDirectory|NamedTemporaryFile)", path.read_text("utf-8"))
    }
    assert users - {"models/io.py", "encoders/text/state_cache.py", "export/precision.py"} == {"private.py"}


def test_a_short_hash_tells_identities_apart_and_nothing_else():
    assert short_hash("1.2.3") == short_hash("1.2.3") != short_hash("1.2.4")
    assert re.fullmatch("[0-9a-f]{8}", short_hash("1.2.3"))
