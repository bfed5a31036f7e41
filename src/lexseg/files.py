"""Files that are whole or not there."""

import contextlib
import errno
import glob
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from lexseg.errors import ConfigError, DataError
from lexseg.locks import abandoned, held

_LOCK = ".lock"
# Windows: a file that anybody reads cannot be replaced; virus scanners and viewers let go of it soon
_HELD_BY_READERS = os.name == "nt"
_PATIENCE = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds between tries
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?=$|\.)", re.IGNORECASE)

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}")
_BEGUN = re.compile(r"\.[0-9a-f]{8}\.[0-9a-f]{8}")
_ABANDONED = 600.0  # seconds


def check_folder_of(path: Path) -> None:
    """See that there is a folder for a file, and no folder in its place.

    Raises:
        DataError: if not.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder, and a file is to be written there; name a file in it")
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}; make it first")


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in; it may be there.

    Raises:
        DataError: a file stands in its place, or on the way there.
        OSError: it cannot be made for another reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
        raise DataError(f"{folder}: {file} is a file, where a folder was expected; name another place") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half-written, whatever happens meanwhile.

    Raises:
        DataError: if there is no folder for it.
        OSError: if it cannot be written; what stood there before is left as it was.
    """
    check_folder_of(path)
    write_files({path: content})


def check_writable(folder: Path) -> None:
    """Look, before any work is done for it, whether results can be written to a folder that may have to be made.

    Raises:
        ConfigError: if they cannot, in the terms of ``--output``.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise ConfigError(f"--output {folder}: {nearest} is a file; give a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"--output {folder}: {nearest} cannot be written to; give another folder")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files beside their places first, and only once all are complete move them there.

    A disk that is full, or a process that is killed, leaves no half-written file under any of the names.

    Args:
        contents: what each file is to hold. Missing folders are made; older files are replaced.

    Raises:
        DataError: a file stands where a folder was expected, or the reverse.
        OSError: with the name of the file that could not be written. What was begun is removed.
    """
    for path in contents:
        if path.is_dir():
            raise DataError(f"{path}: is a folder, and a file is to be written there; name a file in it")
    begun: list[tuple[Path, Path]] = []
    with contextlib.ExitStack() as opened:
        try:
            files = []
            for path, content in contents.items():
                with _named(path):
                    make_folder(path.parent)
                    begun.append((path.with_name(_temporary()), path))
                    files.append((path, opened.enter_context(open(begun[-1][0], "xb"))))
                    files[-1][1].write(content)
                    files[-1][1].flush()
            for path, file in files:  # once all are written: the disk takes them together
                with _named(path):
                    os.fsync(file.fileno())
            opened.close()
            for temporary, path in begun:
                move(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):  # what a full disk did not take is tried once more, and fails again
                opened.close()
            for temporary, _ in begun:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
            raise


def _temporary() -> str:
    """A name beside any other, however long that is; `leftovers` knows it."""
    return f".{secrets.token_hex(4)}.{secrets.token_hex(4)}"


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def move(source: Path, target: Path) -> None:
    """Put a file or folder in the place of another: at once, or where a reader holds that one, as soon as he lets go.

    Raises:
        OSError: if it cannot be; after two seconds, where a reader does not let go.
    """
    for pause in _PATIENCE if _HELD_BY_READERS else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)


def leftovers(folder: Path) -> list[Path]:
    """What `replace_file` had begun in a folder, or below it, when its process was killed."""
    return [path for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name) and path.is_file()]


def remove_abandoned(folder: Path) -> None:
    """Remove what `write_files` had begun in a folder, not below it, in a process that was killed: patients' images.

    Files of the last minutes stay: another process may be writing them.
    """
    for path in folder.glob(".*"):
        with contextlib.suppress(OSError):  # another process may have removed it
            old = time.time() - path.stat().st_mtime > _ABANDONED
            if old and _BEGUN.fullmatch(path.name) and path.is_file():
                path.unlink()


@contextlib.contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Make a folder that is whole or not there: it is built beside, and moved when the block ends without an error.

    Args:
        output: the folder to make; it may exist if it is empty.

    Yields:
        the folder to build in; it exists and is empty.

    Raises:
        DataError: if something is there already, or it is the working directory.
    """
    _refuse_taken(output)
    make_folder(output.parent)
    with folder_beside(output) as building:
        yield building
        os.chmod(building, usual_mode())  # it was private
        move(building, output)


def check_new_folder(output: Path) -> None:
    """Make sure that :func:`new_folder` can make it: before hours of work, and not only behind them.

    Raises:
        DataError: if something is there already, or it is the working directory.
        OSError: if nothing can be written there.
    """
    _refuse_taken(output)
    make_folder(output.parent)
    with folder_beside(output):
        pass


def _refuse_taken(output: Path) -> None:
    if output.exists() and output.samefile(Path.cwd()):
        raise DataError(f"{output}: is the folder you are in, which cannot be replaced; name a new one")
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise DataError(f"{output}: is there already and is no folder")
    if output.is_dir() and any(output.iterdir()):
        raise DataError(f"{output}: is there already and not empty; name a new folder, or remove it first")


@contextlib.contextmanager
def folder_beside(output: Path) -> Iterator[Path]:
    """An empty folder, hidden, beside what it is for, so that moving it there is one step; gone when the block ends.

    What a process left that was killed before it could move its own is removed first: it may hold patients' images.

    Raises:
        OSError: with the name of what it is for, where the disk is full, and the writer did not say what it wrote.
    """
    remove_begun(output)
    building = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    with held(building.with_name(f"{building.name}{_LOCK}")):
        building.mkdir(mode=0o700)
        try:
            yield building
        except OSError as error:
            if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(error.errno, error.strerror, str(output)) from error
            raise
        finally:
            shutil.rmtree(building, ignore_errors=True)


def replace_folder(new: Path, target: Path) -> None:
    """Move a folder to its place. What stood there goes once the new one is there, and comes back if that fails."""
    if not target.is_dir():
        if os.path.lexists(target):
            raise DataError(f"{target}: is there already and is no folder")
        move(new, target)
        return
    with folder_beside(target) as aside:
        move(target, aside / "old")
        try:
            move(new, target)
        except BaseException:
            move(aside / "old", target)
            raise


def usual_mode() -> int:
    """The mode of a folder that is made without a word about it."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask


def remove_begun(output: Path) -> None:
    """Remove what `folder_beside` had made for an output when its process was killed."""
    for lock in output.parent.glob(f".{glob.escape(output.name)}.*{_LOCK}"):
        building = lock.with_name(lock.name.removesuffix(_LOCK))
        with abandoned(lock) as gone:
            if gone and _TEMPORARY.fullmatch(building.name):
                shutil.rmtree(building, ignore_errors=True)
                with contextlib.suppress(OSError):
                    lock.unlink()


def free_name(stem: str, suffix: str, taken: set[str]) -> str:
    """A file name that is not taken yet, and is from now on: ``film.png``, ``film_2.png``, ...

    It is one on every system (:func:`portable`), and differs from all others by more than capitals.
    """
    stem = portable(stem)
    # in lower case, as some file systems do not tell A from a
    name, number = f"{stem}{suffix}", 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}{suffix}"
    taken.add(name.lower())
    return name


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file under a second name, without a second copy where the disk allows."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def same_name(path: Path) -> Path:
    """The file of this name whatever the form of its letters, as ``ä`` may be one letter or an a with two dots.

    macOS writes the second, tables and other systems the first; both look alike. Without such a file, the path itself.
    Where the locale knows no letters beyond ASCII, its name in UTF-8.
    """
    if str(path).isascii() or path == path.parent:
        return path
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        path = Path(os.fsdecode(str(path).encode("utf-8", "surrogateescape")))
    try:
        if path.exists():
            return path
        for form in ("NFC", "NFD"):
            other = Path(unicodedata.normalize(form, str(path)))
            if other.exists():
                return other
        # some parts of the path in one form, some in the other
        folder, name = same_name(path.parent), unicodedata.normalize("NFC", path.name)
        return next((each for each in folder.iterdir() if unicodedata.normalize("NFC", each.name) == name), path)
    except OSError:
        return path


def readable(text: str) -> str:
    """Text of the command line as text that can be written anywhere.

    Where the locale knows no letters beyond ASCII, Python hands their bytes on one by one: they are read as UTF-8, and
    what is none becomes numbers.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def plain_name(name: str) -> str:
    """A name in the one form that names are compared in."""
    return unicodedata.normalize("NFC", name)


def portable(name: str) -> str:
    """A name without what Windows does not allow in file names: ``a:b`` is ``a_b``, ``con`` is ``con_``."""
    name = _FORBIDDEN.sub("_", name).rstrip(". ") or "_"
    return _DEVICES.sub(r"\1_", name, count=1) if _DEVICES.match(name) else name
