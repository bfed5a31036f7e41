"""Python for the browser, compiled ahead: the page then opens about two seconds sooner."""

import contextlib
import shutil
import subprocess
from pathlib import Path

from lexseg.export.web_runtime import WEB
from lexseg.private import private_folder

_SECONDS = 300.0  # that the compiling may take: it needs a few


def compile_python(pyodide: Path, archives: list[Path]) -> bool:
    """Replace sources in archives by byte code of the browser's own Python, all of them or none.

    That Python is another than the one that runs this: Node.js starts it, where it is installed.

    Args:
        pyodide: the folder with `pyodide.mjs`.
        archives: zip files of sources.

    Returns:
        whether it was done; a page with sources answers the same.
    """
    node = shutil.which("node")
    if node is None:
        return False
    with private_folder("compile") as folder:
        copies = [folder / f"{number}" / path.name for number, path in enumerate(archives)]
        for path, copy in zip(archives, copies, strict=True):
            copy.parent.mkdir()
            shutil.copyfile(path, copy)
        command = [node, str(WEB / "compile.mjs"), str(pyodide.resolve()), *map(str, copies)]
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            if subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False).returncode == 0:
                for path, copy in zip(archives, copies, strict=True):
                    shutil.copyfile(copy, path)
                return True
    return False
